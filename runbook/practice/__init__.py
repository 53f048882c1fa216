"""Another machine: a small Kubernetes platform that has never heard of runbooks.

It runs as a server of its own and is reached only by HTTP and a kubeconfig, as a real cluster is.
"""
