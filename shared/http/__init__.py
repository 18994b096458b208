"""One way out of the process: client, retry, rate limit, total timeout, errors, credential."""
