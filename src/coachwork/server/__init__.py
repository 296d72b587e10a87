"""The project over HTTP: the API, the stream of a run's events, and the page. Has no rules of its own."""
