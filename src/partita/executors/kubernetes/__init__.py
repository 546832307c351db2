"""Workers in pods of Kubernetes, each in a Job of its own.

names      what Jobs and Secrets are called, and how they are found again
manifest   the Job of one worker, and the Secret of all, as plain data
fates      what a pod or an event says of a worker, told apart
refusals   what an answer of the API server says, in words
cluster    the connection, and every call that is made
rights     what those calls need to be allowed
watching   threads that hear of pods and events
facts      what threads tell
errands    the thread that creates and deletes, at a measured pace
sessions   what is known of each worker, and what follows from what is heard: no I/O
launcher   all of these together: the port's `Launcher`
checking   whether the cluster can be used, in sentences
"""
