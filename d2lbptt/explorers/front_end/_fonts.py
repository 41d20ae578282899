def woff():
    return {}
