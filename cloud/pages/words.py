"""Every word on the pages, in both languages."""

from cloud.pages.language import Language
from cloud.steps import Step
from config.contract.faults import REFUSALS, Sentence

WORDS: dict[str, Sentence] = {
    "title": Sentence("取件", "Pickup"),
    "cabinet": Sentence("柜号", "Cabinet"),
    "door": Sentence("门", "Door"),
    "order": Sentence("订单", "Order"),
    "your_parcels": Sentence("您的包裹", "Your parcels"),
    "code_title": Sentence("取件码", "Pickup code"),
    "code_how": Sentence("在柜机屏幕上输入这 8 位数字", "Type these 8 digits at the cabinet's screen"),
    "code_tail": Sentence(
        "这件物品需要核对：输入取件码后，再接着输入手机号后四位",
        "These goods need one more proof: after the code, type the last 4 digits of your phone",
    ),
    "code_until": Sentence("有效期至", "Good until"),
    "code_early": Sentence(
        "包裹放入柜中后即可使用，断网时也一样",
        "It opens the door as soon as the parcel is in, even if this page has not heard of it yet",
    ),
    "qr_title": Sentence("取件二维码", "Pickup QR"),
    "qr_how": Sentence("把它对准柜机的扫码口", "Hold it in front of the cabinet's code reader"),
    "leaked_title": Sentence("取件码被别人看到了？", "Has somebody else seen your code?"),
    "leaked_how": Sentence(
        "换一个新的取件码和二维码，旧的作废。柜机没有联网时，要等联网后，或用新二维码扫一次，旧的才失效",
        "Get a new code and QR; the old ones become void. While the cabinet is offline that happens "
        "when it is back, or as soon as you show it the new QR",
    ),
    "leaked_button": Sentence("换新取件码", "Get a new code"),
    "share_title": Sentence("请别人代取", "Let somebody else collect"),
    "share_how": Sentence(
        "把链接发给代取的人，对方用自己的二维码开门，看不到您的取件码。收回后链接马上失效；"
        "柜机没有联网时，二维码要等联网后才失效",
        "Send the link to whoever collects: it has a QR of its own and does not show your code. Taken back, "
        "the link ends at once; its QR ends when the cabinet is online",
    ),
    "share_button": Sentence("生成代取链接", "Make a link"),
    "share_number": Sentence("代取链接", "Link"),
    "share_back": Sentence("收回", "Take it back"),
    "shared_title": Sentence("有人请您代取", "You collect this for somebody"),
    "open_title": Sentence("用手机开门", "Open with this phone"),
    "open_scan": Sentence(
        "站在柜机前，用手机扫屏幕上的二维码，再输入旁边的两位数字",
        "At the cabinet, scan the QR on its screen with this phone, then type the two digits beside it",
    ),
    "open_number": Sentence("柜机屏幕上的两位数字", "The two digits on the cabinet's screen"),
    "open_soon": Sentence("请在 30 秒内完成；屏幕换图后请重新扫码",
                          "Within 30 seconds; when the picture changes, scan it again"),
    "open_button": Sentence("打开", "Open door"),
    "again_button": Sentence("再开一次", "Open once more:"),
    "open_door_suffix": Sentence("号门", ""),
    "open_script": Sentence("手机开门需要启用 JavaScript；取件码和二维码照常可用",
                            "Opening by phone needs JavaScript; the code and the QR work without"),
    "two_digits": Sentence("请输入两位数字", "Please type two digits"),
    "offline_title": Sentence("柜机现在没有联网", "The cabinet is offline right now"),
    "offline_how": Sentence("取件码和二维码仍然可以开门", "The code and the QR still open the door"),
    "call": Sentence("客服电话", "Call us"),
    "language": Sentence("English", "中文"),
    "network_retry": Sentence("网络不通，正在重试…", "No network, trying again…"),
    "network_lost": Sentence("网络不通", "There is no network"),
    "network_next": Sentence("请在柜机上输入取件码或扫码", "Type the code or scan the QR at the cabinet"),
    "no_answer": Sentence("柜机没有回应", "The cabinet has not answered"),
    "no_answer_next": Sentence("请看门是否已开；没有开请重新扫码，或输入取件码",
                               "Look whether the door is open; if not, scan again or type the code"),
    "scan_again": Sentence("要再开门，请重新扫柜机屏幕上的二维码",
                           "To open a door again, scan the QR on the cabinet's screen once more"),
    "lost_title": Sentence("没有找到这个链接", "This link leads nowhere"),
    "lost_why": Sentence("链接不完整，或已经失效。", "It is not complete, or it is over."),
    "lost_next": Sentence("请打开取件通知中的完整链接，或拨打通知中的客服电话。",
                          "Open the whole link in your message, or call the number in it."),
    "lost_cabinet_title": Sentence("没有找到这个柜机", "There is no such cabinet"),
    "lost_cabinet_why": Sentence("这个二维码不是我们在用的柜机。",
                                 "This QR is not of a cabinet that we run."),
    "here_title": Sentence("您在这台柜机前", "You are at this cabinet"),
    "here_link": Sentence("打开取件通知中的链接，再扫一次屏幕上的二维码，就可以用手机开门",
                          "Open the link in your message, then scan this QR again to open by phone"),
    "here_code": Sentence("在屏幕上输入通知中的 8 位取件码",
                          "Type the 8 digits from your message at the screen"),
    "here_qr": Sentence("把通知中的取件二维码对准扫码口", "Hold the QR from your message to the code reader"),
    "here_ways": Sentence("取件有三种办法", "Three ways to collect"),
    "choose_title": Sentence("您在这里有几个订单", "You have several orders here"),
    "choose_how": Sentence("请选择要取的订单", "Choose the one to collect"),
}  # fmt: skip

ORDERS: dict[str, Sentence] = {
    "expected": Sentence("包裹在路上", "On its way"),
    "ready": Sentence("包裹到了，可以取件", "Ready to collect"),
    "collected": Sentence("已取走，谢谢", "Collected, thank you"),
    "unclear": Sentence("请联系客服", "Please call us"),
    "removed": Sentence(
        "超期未取，包裹已取回，请联系客服", "Not fetched in time and taken out, please call us"
    ),
    "expired": Sentence("取件期已过，请联系客服", "The pickup time is over, please call us"),
}

STEPS: dict[Step, Sentence] = {
    Step.EXPECTED: Sentence("在路上，放入柜中后这里会显示门号", "On its way; the door will be shown here"),
    Step.READY: Sentence("在柜中，可以取件", "In the cabinet, ready for you"),
    Step.OPENING: Sentence("正在开门…", "The door is being opened…"),
    Step.OPEN: Sentence("门已打开：请取出包裹，关好门",
                        "The door is open: please take the parcel and close it"),
    Step.STUCK: Sentence("门没有打开：请按一下门再试，或联系客服",
                         "The door did not open: press it and try again, or call us"),
    Step.COLLECTED: Sentence("已取走", "Collected"),
    Step.LEFT_BEHIND: Sentence("箱内还有东西：请在柜机上再输入一次取件码，箱门会再打开",
                               "Something still lies there: type your code at the cabinet once more"),
    Step.EXPIRED: Sentence("取件期已过，请联系客服", "The pickup time is over, please call us"),
    Step.CALL: Sentence("需要人工处理，请联系客服", "Somebody has to look at it: please call us"),
}  # fmt: skip

PROGRESS: tuple[Sentence, ...] = (
    Sentence("已向柜机请求", "Asked the cabinet"),
    Sentence("正在开锁", "Unlocking"),
    Sentence("门已打开", "The door is open"),
    Sentence("请取出包裹，关好门", "Please take the parcel and close the door"),
    Sentence("完成，谢谢", "Done, thank you"),
)

SIZES: dict[str, Sentence] = {
    "S": Sentence("小件", "small"),
    "M": Sentence("中件", "medium"),
    "L": Sentence("大件", "large"),
    "XL": Sentence("特大件", "very large"),
}

ZONES: dict[str, Sentence] = {
    "ambient": Sentence("常温", "room temperature"),
    "chilled": Sentence("冷藏", "chilled"),
    "frozen": Sentence("冷冻", "frozen"),
}

PROBLEMS: dict[str, tuple[Sentence, Sentence]] = {
    **{
        code: (REFUSALS[code].says, REFUSALS[code].next_step)
        for code in ("used", "expired", "not_loaded", "tail_wanted", "not_again")
    },
    "cabinet_offline": (REFUSALS["offline"].says, REFUSALS["offline"].next_step),
    "broker_unreachable": (REFUSALS["offline"].says, REFUSALS["offline"].next_step),
    "unknown_parcel": (REFUSALS["other_occupancy"].says, REFUSALS["other_occupancy"].next_step),
}
"""Refusals of the service itself: what it says, and the next step."""


def for_script(language: Language) -> dict[str, object]:
    """The words that appear while a page is open."""
    spoken = (
        "two_digits", "network_retry", "network_lost", "network_next", "no_answer", "no_answer_next",
        "scan_again", "door",
    )  # fmt: skip
    return {
        "words": {name: WORDS[name].in_language(language) for name in spoken},
        "orders": {name: said.in_language(language) for name, said in ORDERS.items()},
        "steps": {step.value: said.in_language(language) for step, said in STEPS.items()},
        "problems": {
            code: [part.in_language(language) for part in parts] for code, parts in PROBLEMS.items()
        },
    }
