"""The report: pages that a person looks through, from `file://`, without network, on a desk or a phone."""
