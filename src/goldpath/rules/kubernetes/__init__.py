"""Rules for the Kubernetes objects and deploy scripts of a render."""
