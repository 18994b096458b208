"""One way out of the process: client, retry, rate limit, total timeout, statuses, library errors, credential."""
