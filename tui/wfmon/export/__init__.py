"""Our rules as recording and alerting rules of a Prometheus."""
