"""Values and code at rest: codecs, blobs, keys, bundles and fingerprints."""
