"""Checks of numbers that a regular expression found: is it really a card, an account, a telephone?"""

import re
from collections.abc import Callable, Mapping

_ISBN = re.compile(r"97[89]\d{10}")
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d\D{1,3}(?:1[5-9]|20)\d\d")


def luhn(text: str) -> bool:
    """Whether the digits are those of a payment card: 13 to 19 of them with a good check digit (ISO/IEC 7812)."""
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1 or _is_isbn(text):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def iban(text: str) -> bool:
    """Whether it is an international account number: remainder 1 modulo 97 (ISO 13616)."""
    compact = "".join(char for char in text.upper() if char.isalnum())
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def phone(text: str) -> bool:
    """Whether it may be a telephone number: 9 to 15 digits (E.164), and neither an ISBN nor two years."""
    digits = re.sub(r"\D", "", text)
    return 9 <= len(digits) <= 15 and not _is_isbn(text) and not _YEARS.fullmatch(text.strip())


def _is_isbn(text: str) -> bool:
    return _ISBN.fullmatch(re.sub(r"\D", "", text)) is not None


CHECKS: Mapping[str, Callable[[str], bool]] = {"none": lambda _: True, "luhn": luhn, "iban": iban, "phone": phone}
