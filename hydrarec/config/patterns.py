"""Patterns that several values of the configuration follow, and what they ask for in words."""

LOWER_NAME = r"^[a-z0-9][a-z0-9._-]*$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
RUN_ID = r"^[A-Za-z0-9][A-Za-z0-9.+_-]*$"
BASELINE = r"^[A-Za-z][A-Za-z0-9_]*$"
METRIC = r"^(ndcg|hr)@[0-9]+$"
SHA_256 = r"^[0-9a-f]{64}$"
URL = r"^https?://\S+$"
YAML_IN_CHECKOUT = r"^[A-Za-z0-9][A-Za-z0-9._/-]*\.ya?ml$"
IN_WORDS = {
    LOWER_NAME: "a name of lower case letters, digits and . _ -, with a letter or digit first",
    NAME: "a name of Latin letters, digits and . _ -, with a letter or digit first",
    RUN_ID: "a name of Latin letters, digits and . + _ -, with a letter or digit first",
    BASELINE: "the name of a rule file without its ending: Latin letters, digits and _, with a letter first",
    METRIC: "ndcg@k or hr@k, such as ndcg@10",
    SHA_256: "64 hexadecimal digits in lower case, as sha256sum prints them",
    URL: "an address that begins with http:// or https://",
    YAML_IN_CHECKOUT: "a relative path, from the root of the checkout, of a file that ends in .yaml; allowed in it are "
    "Latin letters, digits and . _ - /",
}
"""What patterns ask for, to whoever does not read them."""
