"""What the kiosk says besides refusals and faults: every sentence in Chinese and English."""

from config.contract.faults import Sentence

WORDS: dict[str, Sentence] = {
    "title": Sentence("取件柜", "Pickup locker"),
    "cabinet": Sentence("柜号", "Cabinet"),
    "call": Sentence("客服电话", "Call us"),
    "online": Sentence("已联网", "Online"),
    "offline": Sentence("未联网，仍可用取件码或二维码取件", "Offline. Codes and QR codes still open doors"),
    "other_language": Sentence("English", "中文"),
    "type_code": Sentence("输入 8 位取件码", "Type your 8-digit code"),
    "or_scan": Sentence("也可以把取件二维码对准扫码口", "Or hold your pickup QR in front of the reader"),
    "clear": Sentence("清空", "Clear"),
    "erase": Sentence("退格", "Erase"),
    "open": Sentence("开箱", "Open"),
    "phone_way": Sentence("用手机开箱", "Open with your phone"),
    "phone_how": Sentence("手机扫码，再输入这两位数字", "Scan with your phone, then enter these two digits"),
    "inside": Sentence("有人被困", "Someone is inside"),
    "inside_again": Sentence("再按一次，马上开门", "Press again to open the doors now"),
    "inside_failed": Sentence("没有成功，请立即打电话", "It did not work. Call now"),
    "no_answer": Sentence("柜机没有应答", "The cabinet does not answer"),
    "try_again": Sentence("请再试一次，或打电话给我们", "Please try again, or call us"),
    "back": Sentence("返回", "Back"),
    "seconds": Sentence("还需等待 {s} 秒", "{s} seconds to wait"),
    "door": Sentence("箱门", "Door"),
    "opening": Sentence("正在打开 {door} 号箱门", "Opening door {door}"),
    "opening_hint": Sentence("门会自己弹开", "It springs open by itself"),
    "opening_more": Sentence(
        "取完关好门，再打开下一个（还有 {more} 个）",
        "Take it, close the door, and the next one opens ({more} more)",
    ),
    "press_door": Sentence("请轻轻按一下 {door} 号箱门", "Press door {door} gently"),
    "press_hint": Sentence("门卡住了，正在再试一次", "It is stuck; we are trying again"),
    "stuck": Sentence("{door} 号箱门打不开", "Door {door} does not open"),
    "stuck_hint": Sentence("按住门再试一次，或打电话给我们", "Press the door and try again, or call us"),
    "take": Sentence("{door} 号箱门已打开", "Door {door} is open"),
    "take_hint": Sentence("请取走物品并关好门", "Take your goods and close the door"),
    "put_hint": Sentence("请放入包裹并关好门", "Put the parcel in and close the door"),
    "look_hint": Sentence("用完请关好门", "Please close it when you are done"),
    "collected": Sentence("取件完成", "All done"),
    "collected_hint": Sentence("谢谢，再见", "Thank you"),
    "deposited": Sentence("{door} 号箱已放好", "Parcel is in box {door}"),
    "next_parcel": Sentence("请扫下一个包裹，扫工牌结束", "Scan the next parcel, or your badge to finish"),
    "loading": Sentence("投件中：请扫描包裹标签，扫工牌结束", "Loading: scan a parcel, or badge to finish"),
    "aborted": Sentence("{door} 号箱没有放入包裹", "No parcel went into box {door}"),
    "aborted_hint": Sentence("请重新扫描包裹", "Scan the parcel again"),
    "courier": Sentence("投件模式", "Loading"),
    "courier_hint": Sentence("请扫描包裹标签", "Scan a parcel label"),
    "courier_left": Sentence("投件结束", "Loading finished"),
    "courier_left_hint": Sentence("辛苦了", "Thank you"),
    "withheld": Sentence("{door} 号箱门没有打开", "Door {door} was not opened"),
    "left_open": Sentence("{door} 号箱门还开着", "Door {door} is still open"),
    "left_open_hint": Sentence("请关好门", "Please close it"),
    "emergency": Sentence("正在打开箱门", "Doors are opening"),
    "emergency_hint": Sentence(
        "打开的门都请拉开看。没有找到人：再按一次“有人被困”，并马上打电话",
        "Look behind every door that opens. Nobody found: press again, and call now",
    ),
}  # fmt: skip


def say(key: str, **facts: object) -> Sentence:
    """A sentence with its blanks filled."""
    words = WORDS[key]
    return Sentence(words.zh.format(**facts), words.en.format(**facts))
