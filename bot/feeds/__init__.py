"""Reading feeds: from an address to articles that are recognised, however the feed changes its mind.

    fetch -> decode -> slices -> parse (or worker) -> identity.recognise -> sections -> storage
                                                                            schedule -> the next fetch

Everything but `fetch` and `worker` is pure; `watch` puts the parts together.
"""
