"""What commands print with --json."""


def findings(document, identifier):
    return [each for each in document["findings"] if each["id"] == identifier]
