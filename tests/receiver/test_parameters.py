import pytest

from mxtui.receiver import replies
from mxtui.receiver.parameters import MailParameters, RecipientParameters, mail_parameters, recipient_parameters
from mxtui.receiver.replies import RefusedError

ALL = frozenset({"SIZE", "8BITMIME", "SMTPUTF8", "DSN"})


def test_what_was_offered_is_taken_byte_for_byte() -> None:
    text = " SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=hdrs ENVID=QQ+3DabC"
    assert mail_parameters(text, ALL) == MailParameters(1000, "8BITMIME", True, "hdrs", "QQ+3DabC")
    text = " NOTIFY=Success,DELAY ORCPT=rfc822;Bob+2B1@Example.org"
    assert recipient_parameters(text, ALL, smtputf8=False) == RecipientParameters(
        "Success,DELAY", "rfc822;Bob+2B1@Example.org"
    )


@pytest.mark.parametrize(
    "text", [" SIZE=1", " BODY=8BITMIME", " SMTPUTF8", " RET=FULL", " ENVID=x", " AUTH=<>", " BY=60;R", " REQUIRETLS"]
)
def test_what_was_not_offered_is_not_taken(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        mail_parameters(text, frozenset())
    assert refused.value.reply == replies.UNKNOWN_PARAMETER


@pytest.mark.parametrize("text", [" NOTIFY=NEVER", " ORCPT=rfc822;a@b", " SIZE=1", " X=1"])
def test_no_dsn_for_recipients_where_the_primary_has_none(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        recipient_parameters(text, frozenset({"SIZE"}), smtputf8=False)
    assert refused.value.reply == replies.UNKNOWN_PARAMETER


@pytest.mark.parametrize(
    "text",
    [
        "SIZE=1",
        " SIZE",
        " SIZE=",
        " SIZE=x",
        " SIZE=-1",
        " SIZE=١",
        " SIZE=111111111111111111111",
        " SIZE=1 size=2",
        " BODY=BINARYMIME",
        " BODY",
        " SMTPUTF8=yes",
        " RET=SOME",
        " ENVID=a+3d",
        " ENVID=ä",
        f" ENVID={'x' * 101}",
        " =1",
        " SI ZE=1=2",
    ],
)
def test_malformed_mail_parameters_are_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        mail_parameters(text, ALL)
    assert refused.value.reply[:3] in ("501", "555")


@pytest.mark.parametrize(
    "text",
    [
        " NOTIFY",
        " NOTIFY=NEVER,SUCCESS",
        " NOTIFY=SUCCESS,SUCCESS",
        " NOTIFY=,",
        " ORCPT=a@b",
        " ORCPT=rfc822;",
        " ORCPT=rfc822;a+zz",
        " ORCPT=rfc822;ä@b",
        f" ORCPT=rfc822;{'x' * 500}",
        " ORCPT=utf-8;ä@b",
    ],
)
def test_malformed_recipient_parameters_are_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        recipient_parameters(text, ALL, smtputf8=False)
    assert refused.value.reply == replies.BAD_PARAMETER


def test_an_internationalised_original_recipient_needs_smtputf8() -> None:
    assert recipient_parameters(" ORCPT=utf-8;ä@b", ALL, smtputf8=True).orcpt == "utf-8;ä@b"
