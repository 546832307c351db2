"""Where blobs lie: under the hash of what they hold, in a folder or behind a URL."""
