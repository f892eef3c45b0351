"""No password, key or token where others read: values, templates, logs, events, traces, metrics."""
