"""An app that a scratch copy of the target gains, so that it has migrations pending."""
