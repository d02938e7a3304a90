"""What the kiosk says besides refusals: every sentence in Chinese and English."""

from config.contract.faults import Sentence

WORDS: dict[str, Sentence] = {
    # The start page
    "cabinet": Sentence("柜号", "Cabinet"),
    "telephone": Sentence("客服电话", "Help by telephone"),
    "online": Sentence("已联网", "Online"),
    "offline": Sentence("未联网，取件不受影响", "Offline. Collecting works all the same"),
    "lost": Sentence("柜机正在重新启动，请稍候", "The cabinet is starting again, please wait"),
    "loading": Sentence("投件中", "Loading"),
    "closed_new": Sentence("本柜暂停投放，取件照常", "Nothing is taken in at present; collecting goes on"),
    "closed_all": Sentence("本柜暂停使用", "This cabinet is out of use at present"),
    "last_good": Sentence(
        "维护提示：柜体文件有误，正使用上一份",
        "For service: cabinet file refused, the last good one is in force",
    ),
    "other_language": Sentence("English", "中文"),
    "type_code": Sentence("请输入 8 位取件码", "Type your 8-digit pickup code"),
    "type_tail": Sentence(
        "请输入 8 位取件码，再输入手机号后四位",
        "Type your 8-digit code, then the last 4 digits of your phone",
    ),
    "type_pin": Sentence("请输入工牌的 6 位密码", "Type the 6-digit PIN of your badge"),
    "forgot": Sentence("有东西落下了？", "Left something behind?"),
    "type_again": Sentence(
        "请再输入一次取件码，箱门会再打开", "Type your code once more and the door opens again"
    ),
    "type_door": Sentence("请输入或点选箱门号", "Type or tap the number of a door"),
    "or_scan": Sentence("也可以把取件二维码对准扫码口", "Or hold your pickup QR in front of the reader"),
    "erase": Sentence("删除", "Erase"),
    "clear": Sentence("清空", "Clear"),
    "open": Sentence("开门", "Open"),
    "checking": Sentence("正在核对…", "Checking…"),
    "by_phone": Sentence("用手机开门", "Open with your phone"),
    "by_phone_how": Sentence("手机扫码，再输入这两位数字", "Scan this, then enter these two digits"),
    "where": Sentence("箱门位置", "Where it is"),
    "back": Sentence("返回", "Back"),
    "seconds": Sentence("还需等待 {s} 秒", "{s} seconds to wait"),
    "more": Sentence("关好门后，还会打开 {n} 个箱门", "{n} more will open once it is closed"),
    # "Someone is inside"
    "inside": Sentence("有人被困", "Someone is inside"),
    "inside_again": Sentence("再按一次，立即开门", "Press again to open the doors"),
    "emergency": Sentence("正在打开箱门", "The doors are opening"),
    "emergency_next": Sentence(
        "请拉开每一扇弹开的门查看；没找到人请再按“有人被困”，并马上打电话",
        "Look behind every door that opens. Nobody found: press the button again and call us now",
    ),
    "ordered": Sentence("运营方正在打开全部箱门", "The operator is having every door opened"),
    "ordered_next": Sentence(
        "请让开箱门；有危险请马上离开，不要取走别人的东西",
        "Keep clear of the doors. Leave if there is danger, and leave what is not yours",
    ),
    "inside_failed": Sentence("没有成功，请马上打电话", "That did not work. Call us now"),
    # A door, step by step
    "opening": Sentence("{door} 号箱门正在打开", "Door {door} is opening"),
    "opening_next": Sentence("门会自己弹开", "It springs open by itself"),
    "again": Sentence("请轻按一下 {door} 号箱门", "Press door {door} gently"),
    "again_next": Sentence("门有点紧，正在再开一次", "It sticks a little; it is being opened once more"),
    "collect": Sentence("{door} 号箱门已打开", "Door {door} is open"),
    "collect_next": Sentence("请取出物品，关好箱门", "Take your goods and close the door"),
    "load_next": Sentence("请放入包裹，关好箱门", "Put the parcel in and close the door"),
    "service_next": Sentence("用完请关好箱门", "Close the door when you are done"),
    "left_open": Sentence("{door} 号箱门还开着", "Door {door} is still open"),
    "left_open_next": Sentence("请关好箱门", "Please close it"),
    "stuck": Sentence("{door} 号箱门没有打开", "Door {door} did not open"),
    "stuck_next": Sentence("请按一下门再试，或打电话给我们", "Press the door and try again, or call us"),
    "look_again": Sentence("{door} 号箱里还有东西", "Something is still in box {door}"),
    "look_again_next": Sentence(
        "请再输入一次取件码，箱门会再打开", "Type your code once more and the door opens again"
    ),
    "left_in": Sentence("{door} 号箱里还有东西", "Something is still in box {door}"),
    "left_in_next": Sentence("请打电话给我们", "Please call us"),
    "collected": Sentence("取件完成，谢谢", "Collected. Thank you"),
    "collected_next": Sentence("欢迎下次再来", "See you next time"),
    "closed": Sentence("{door} 号箱门已关好", "Door {door} is closed"),
    "closed_next": Sentence("谢谢", "Thank you"),
    # A technician
    "pin": Sentence("工牌有效", "Badge accepted"),
    "pin_next": Sentence("请输入 6 位密码", "Type its 6-digit PIN"),
    "service": Sentence("可以开门维护", "You may open doors for service"),
    "service_next_door": Sentence(
        "请输入或点选箱门号；做完再扫一次工牌", "Type or tap a door; scan your badge again to end"
    ),
    "unproven": Sentence("有箱门刚更换接线，请逐个核对", "Doors were wired anew and want to be checked"),
    "unproven_left": Sentence(
        "请依次输入箱号开门并关好：{doors}", "Type each number, see that this door opens, close it: {doors}"
    ),
    "was_it_this": Sentence("刚才开的是 {door} 号箱吗？", "Was it {door} that opened?"),
    "was_it_this_next": Sentence("请按实际看到的回答", "Answer what you have seen"),
    "say_this_door": Sentence("是，{door} 号箱", "Yes, {door}"),
    "say_another_door": Sentence("不是，开的是另一个", "No, another door"),
    "proven": Sentence("{door} 号箱接线正确", "Compartment {door} is wired right"),
    "all_proven": Sentence("全部箱门已核对", "All doors have been checked"),
    "other_moved": Sentence("要开 {door} 号箱，{other} 号箱却开了", "{door} was to open, and {other} did"),
    "other_moved_next": Sentence(
        "请检查两个箱门的接线，改好后重新核对", "Check the wires of both doors, then try again"
    ),
    "service_left": Sentence("维护结束", "Service has ended"),
    "too_warm": Sentence("有物品曾经过热，已锁定", "Goods have been too warm and are held"),
    "too_warm_next": Sentence(
        "请先查看物品，取走变质的；确认其余完好后再解除锁定。点“返回”可开门",
        "Look at them and take away what has gone off; then release the rest. “Back” lets you open doors",
    ),
    "released": Sentence("已解除锁定", "Released"),
    "released_next": Sentence("物品可以正常领取", "They may be collected again"),
    "say_release": Sentence("{zone}：已查看，解除锁定", "{zone}: I have looked, release it"),
    # A courier
    "courier": Sentence("工牌有效，可以投件", "Badge accepted: you may load"),
    "courier_next": Sentence("请扫描包裹标签", "Scan a parcel label"),
    "courier_left": Sentence("投件结束", "Loading has ended"),
    "courier_left_next": Sentence("辛苦了", "Thank you"),
    "deposited": Sentence("已放入 {door} 号箱", "The parcel is in box {door}"),
    "deposited_next": Sentence(
        "请扫下一个包裹；全部放完再扫一次工牌", "Scan the next parcel, or your badge to end"
    ),
    "aborted": Sentence("包裹没有放入 {door} 号箱", "No parcel went into box {door}"),
    "aborted_next": Sentence("请再扫一次包裹标签", "Scan the parcel label again"),
    "queued": Sentence("已记下，还有 {n} 件在等", "Noted: {n} waiting"),
    "queued_next": Sentence(
        "请先关好打开的箱门，下一个会自动打开", "Close the open door; the next one opens by itself"
    ),
    "courier_left_some": Sentence("投件结束，有 {n} 件没有放入", "Loading has ended; {n} not put in"),
    "courier_left_some_next": Sentence("请带回，或重新扫描标签", "Take them with you, or scan them again"),
    "withdrawn": Sentence("请取出包裹，关好 {door} 号箱门", "Take the parcel out and close door {door}"),
    "withdrawn_next": Sentence("需要时会打开另一个箱门", "Another door opens where one is needed"),
    "handed_in": Sentence("已放入 {door} 号箱，谢谢", "It is in box {door}. Thank you"),
    "handed_in_next": Sentence("我们会来取", "It will be fetched from here"),
    "noted": Sentence("好的，已记下", "Thank you, noted"),
    "noted_next": Sentence("请继续", "Please go on"),
    "where_is_it": Sentence(
        "{other} 号箱门意外打开，包裹在哪里？", "Door {other} opened by mistake. Where is the parcel?"
    ),
    "where_is_it_next": Sentence("请先关好所有箱门，再选择", "Close every door first, then choose"),
    "is_it_in": Sentence("{door} 号箱里有没有放入包裹？", "Was the parcel put into box {door}?"),
    "is_it_in_next": Sentence(
        "柜机没有看到；不确定请再扫包裹标签",
        "The cabinet did not see it. Not sure? Scan its label",
    ),
    "no_fit_of": Sentence("没有 {size} 号以上的{zone}空箱", "No {zone} box of size {size} or larger is free"),
    "zone_ambient": Sentence("常温", "ambient"),
    "zone_chilled": Sentence("冷藏", "chilled"),
    "zone_frozen": Sentence("冷冻", "frozen"),
    # What a courier or a resident may say of a parcel
    "say_is_in": Sentence("在 {door} 号箱里", "It is in box {door}"),
    "say_in_other": Sentence("在 {other} 号箱里", "It is in box {other}"),
    "say_not_in": Sentence("没有放进去", "Nothing was put in"),
    "say_does_not_fit": Sentence("放不下，换大箱", "It does not fit"),
    "say_not_empty": Sentence("箱内有物或脏", "Not empty, or dirty"),
    "say_remove": Sentence("取出 {n} 件超期包裹", "Take out {n} overdue"),
    # What nobody fetched
    "remove_next": Sentence("请取出包裹，关好箱门", "Take the parcel out and close the door"),
    "removed": Sentence("{door} 号箱已取出", "Box {door} is emptied"),
    "removed_next": Sentence("下一个箱门会自动打开", "The next door opens by itself"),
    "removed_all": Sentence("没有超期包裹了", "Nothing overdue is left"),
    "removed_all_next": Sentence("可以继续投件，或扫工牌结束", "Go on loading, or scan your badge to end"),
    # When something does not work
    "try_again": Sentence("请再试一次，或打电话给我们", "Please try again, or call us"),
    "no_answer": Sentence("柜机没有应答", "The cabinet does not answer"),
    "not_possible": Sentence("现在不能开门", "The door cannot be opened now"),
}


def say(key: str, **blanks: object) -> Sentence:
    """A sentence with its blanks filled."""
    words = WORDS[key]
    return Sentence(words.zh.format(**blanks), words.en.format(**blanks))
