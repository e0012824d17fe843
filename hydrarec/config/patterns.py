"""Patterns that several values of the configuration follow, and what they ask for in words."""

LOWER_NAME = r"^[a-z0-9][a-z0-9._-]*$"
SHA_256 = r"^[0-9a-f]{64}$"
URL = r"^https?://\S+$"
YAML_IN_CHECKOUT = r"^[A-Za-z0-9][A-Za-z0-9._/-]*\.ya?ml$"
IN_WORDS = {
    LOWER_NAME: "a name of lower case letters, digits and . _ -, with a letter or digit first",
    SHA_256: "64 hexadecimal digits in lower case, as sha256sum prints them",
    URL: "an address that begins with http:// or https://",
    YAML_IN_CHECKOUT: "a relative path, from the root of the checkout, of a file that ends in .yaml",
}
"""What patterns ask for, to whoever does not read them."""
