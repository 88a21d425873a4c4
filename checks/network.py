"""What a computer may say of its network, which a project needs to know."""

import certifi

NETWORK = {
    # There is no such proxy, and no such host.
    "HTTPS_PROXY": "http://proxy.ddk-checks.invalid:3128",
    "NO_PROXY": "inside.ddk-checks.invalid",
    "SSL_CERT_FILE": certifi.where(),
    "REQUESTS_CA_BUNDLE": certifi.where(),
}
