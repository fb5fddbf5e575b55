"""The packages ``bench``, ``exporters`` and ``suites`` under one name: a folder of one's own may have a ``bench`` as well."""
