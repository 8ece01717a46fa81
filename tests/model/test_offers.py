from mxtui.model.offers import MOST, Offers, least, read_offers


def test_keywords_are_read_whatever_their_case_and_the_size_is_a_number() -> None:
    offers = read_offers(["Size 1000", "8bitmime", "AUTH PLAIN LOGIN", "SMTPUTF8"])
    assert offers == Offers(frozenset({"SIZE", "8BITMIME", "AUTH", "SMTPUTF8"}), 1000)


def test_a_size_without_a_number_is_no_limit() -> None:
    assert read_offers(["SIZE"]).size == read_offers(["SIZE lots"]).size == read_offers(["SIZE 0"]).size == 0


def test_what_is_no_keyword_is_passed_over_and_the_rest_is_bounded() -> None:
    assert read_offers(["\x1b[2J", "", "-X", "é"]) == Offers()
    assert len(read_offers(f"X{n}" for n in range(10_000)).extensions) == MOST


def test_several_servers_offer_what_all_of_them_do_with_the_smallest_limit() -> None:
    one = Offers(frozenset({"SIZE", "8BITMIME", "SMTPUTF8"}), 2000)
    other = Offers(frozenset({"SIZE", "8BITMIME"}), 1000)
    assert least([one, other]) == Offers(frozenset({"SIZE", "8BITMIME"}), 1000)
    assert least([one, Offers(frozenset({"8BITMIME"}))]) == Offers(frozenset({"8BITMIME"}), 2000)
    assert least([]) is None
