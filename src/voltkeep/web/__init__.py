"""HTTP: what stations upload, download and ask of the certificate authority."""
