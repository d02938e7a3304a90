"""What can be wrong, and what is refused: a stable code, one plain sentence in two languages, who acts.

Codes never change their meaning. Nothing reaches a person as a bare code.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same in Chinese and English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Fault:
    """A condition that begins and ends; ``next_step`` is for the person who has to act."""

    code: str
    severity: Severity
    says: Sentence
    next_step: Sentence


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request did not open a door, and what the person in front of it can do."""

    code: str
    says: Sentence
    next_step: Sentence


def _fault(code: str, severity: Severity, zh: str, en: str, zh_next: str, en_next: str) -> Fault:
    return Fault(code, severity, Sentence(zh, en), Sentence(zh_next, en_next))


def _refusal(code: str, zh: str, en: str, zh_next: str, en_next: str) -> Refusal:
    return Refusal(code, Sentence(zh, en), Sentence(zh_next, en_next))


FAULTS: dict[str, Fault] = {
    fault.code: fault
    for fault in (
        _fault("board_silent", Severity.ALARM, "锁控板没有应答", "A lock board does not answer",
               "检查供电、485 接线和地址", "Check its supply, the RS-485 wires and its address"),
        _fault("output_stays_on", Severity.ALARM, "继电器板没有自动断电，锁线圈会烧毁",
               "A relay card did not end a pulse by itself, which burns the lock",
               "到现场断开该板锁电源，核对板卡型号与柜体文件中的 profile，更换后重启；在此之前该板不开门",
               "Take its locks off their supply, compare the card with its profile in the cabinet file, then restart; "
               "until then this card opens nothing"),
        _fault("bus_lost", Severity.ALARM, "串口不可用", "A serial port is not there",
               "检查转换器和线缆", "Check the adapter and its cable"),
        _fault("thermometer_silent", Severity.ALARM, "温度计没有应答", "A thermometer does not answer",
               "检查温度计和接线；不知道温度时按偏热处理",
               "Check the probe and its wire; what is not known counts as warm"),
        _fault("too_warm", Severity.ALARM, "冷区温度超标", "A cold zone has been too warm for too long",
               "检查制冷、电源和箱门；该区暂停存取", "Check its cooling, its power and its doors; it takes and gives nothing"),
        _fault("cold_hold", Severity.ALARM, "冷链中断，箱内物品已锁住", "Cold goods are held: they were warm for too long",
               "到现场检查物品，刷维护工牌确认后放行", "Somebody has to look at the goods there and release them by badge"),
        _fault("reader_lost", Severity.WARNING, "扫码器不可用", "The code reader is not there",
               "居民可改用取件码", "Residents can type their code; check the cable"),
        _fault("tampered", Severity.ALARM, "柜体被打开或撬动", "Somebody is at the case of the cabinet",
               "立即到现场查看柜体，清点物品", "Go and look at the case at once, and count the goods"),
        _fault("tilted", Severity.ALARM, "柜体倾斜或被搬动", "The cabinet was tipped or moved",
               "立即致电现场；可能有人被压或柜体被搬走", "Call the site at once: it may have fallen on somebody, or be on its way"),
        _fault("input_silent", Severity.ALARM, "报警输入没有应答", "The contacts of the case cannot be read",
               "检查输入卡的供电和接线；在此之前无法得知柜体是否被动过",
               "Check the card's supply and wires; until then nobody would know that somebody is at the case"),
        _fault("indicator_silent", Severity.WARNING, "指示灯或蜂鸣器没有应答", "Lamps or a buzzer cannot be switched",
               "取件不受影响；检查该卡的供电和接线", "Doors open as ever; check the supply and the wires of their card"),
        _fault("door_stuck", Severity.ALARM, "箱门打不开", "A door did not open",
               "到现场检查锁舌和门", "Send somebody to look at the latch and the door"),
        _fault("door_left_open", Severity.WARNING, "箱门长时间未关", "A door has been left open",
               "请附近的人关门", "Ask somebody nearby to close it"),
        _fault("door_forced", Severity.ALARM, "箱门在没有授权时被打开", "A door opened without anyone being entitled",
               "核对箱内物品，检查锁", "Check the goods and the lock"),
        _fault("switch_flapping", Severity.WARNING, "门磁信号不稳定", "A door switch flickers",
               "检查门磁和接线", "Check the switch and its wire"),
        _fault("someone_inside", Severity.ALARM, "有人按下“有人被困”", "'Someone is inside' was pressed",
               "立即致电现场", "Call the site now"),
        _fault("opened_by_order", Severity.ALARM, "两名负责人下令打开了全部箱门", "Two officers have ordered every door open",
               "到现场清点物品，关好每扇门", "Go there, count the goods and close each door"),
        _fault("compartment_unclear", Severity.ALARM, "不清楚箱内是否有物品", "It is not known what lies in a compartment",
               "到现场查看", "Somebody has to look"),
        _fault("goods_unclaimed", Severity.WARNING, "空箱里有物品", "Something lies in a compartment that should be empty",
               "到现场查看，取出并代为保管，或确认箱内为空",
               "Somebody has to look: keep it for its owner, or find that there is nothing"),
        _fault("goods_missing", Severity.ALARM, "箱门没有打开过，却看不到包裹了", "A parcel is not seen any more behind a shut door",
               "到现场核对；取件码照常可以开门", "Send somebody to look; its code opens the door as ever"),
        _fault("beam_blind", Severity.WARNING, "光束传感器被挡住", "A light beam sees something where nothing is",
               "清洁镜头并检查接线；在此之前按没有光束处理",
               "Clean its lens and check its wire; until then the compartment counts as one without a beam"),
        _fault("wiring_unproven", Severity.ALARM, "锁控板或接线已更换，箱门尚未核对",
               "A door was wired anew and nobody has seen it open since",
               "到现场刷维护工牌，逐个开门核对；核对前该箱暂停使用",
               "Open each of them by badge there and see that it is the right one; until then they are not used"),
        _fault("store_failing", Severity.ALARM, "柜机无法保存记录", "The cabinet cannot write its records",
               "检查磁盘", "Check its disk"),
        _fault("disk_full", Severity.ALARM, "柜机磁盘已满", "The cabinet's disk is full",
               "仍可取件，暂停投放；清理磁盘", "Pickups go on, deposits do not; make room on its disk"),
        _fault("safe_mode", Severity.ALARM, "柜机反复异常退出，已进入安全模式", "The cabinet kept failing and is in safe mode",
               "仍可取件，暂停投放和远程开门；查看日志", "Pickups go on, deposits and remote openings do not; read its log"),
        _fault("file_refused", Severity.ALARM, "柜体文件有误，正使用上一份", "The cabinet file was refused; the last good one is in force",
               "按日志改正柜体文件后重启", "Put right what the log names, then restart it"),
        _fault("records_restored", Severity.ALARM, "柜机记录曾损坏或回退", "The cabinet's records were damaged or older ones",
               "到现场逐箱核对物品", "Look into every compartment and compare"),
        _fault("guessing", Severity.ALARM, "有人在试取件码", "Somebody is guessing codes",
               "查看现场", "Look at the site"),
        _fault("bad_proof", Severity.ALARM, "收到无法验证的消息", "A message came that nobody entitled has said",
               "检查消息服务器", "Check the broker"),
        _fault("fork", Severity.ALARM, "两台控制器使用同一身份", "Two controllers speak under one identity",
               "停用其中一台，重新登记", "Stop one of them and enrol it anew"),
        _fault("clock_unknown", Severity.WARNING, "柜机时钟不可信", "The cabinet does not know the time",
               "检查网络和时钟电池", "Check its network and clock battery"),
        _fault("offline", Severity.WARNING, "柜机离线", "The cabinet is offline",
               "柜机仍可取件；检查网络", "Residents can still collect; check the network"),
    )
}  # fmt: skip


REFUSALS: dict[str, Refusal] = {
    refusal.code: refusal
    for refusal in (
        _refusal("not_valid", "取件码无效", "This code does not open anything here",
                 "请核对后重试，或打开通知中的链接", "Check it and try again, or open the link in your message"),
        _refusal("wait", "输入错误次数过多", "Too many wrong tries",
                 "请稍候再试；二维码仍可使用", "Wait a little; the QR code still works"),
        _refusal("tail_wanted", "还需要手机号后四位", "The last four digits of the phone are needed, too",
                 "请输入取件码，再接着输入订单手机号后四位，共 12 位",
                 "Type the code and, right after it, the last 4 digits of the phone of the order: 12 digits"),
        _refusal("not_loaded", "包裹还没有放入柜中", "The parcel is not in the cabinet yet",
                 "收到通知后再来", "Come when the message says it is here"),
        _refusal("other_cabinet", "包裹在另一个柜子", "This is for another cabinet",
                 "请看通知中的柜号", "Look at the cabinet number in your message"),
        _refusal("expired", "已过期", "It has expired", "请联系客服", "Please call us"),
        _refusal("used", "已经取走", "It has been collected", "如有问题请联系客服", "If that was not you, please call us"),
        _refusal("not_again", "已经取走，不能再开", "It has been collected and does not open again",
                 "如有遗落请联系客服", "If something was left behind, please call us"),
        _refusal("busy", "有人正在使用", "Somebody is using it right now", "请稍候", "Wait a moment"),
        _refusal("door_stuck", "箱门打不开", "The door does not open",
                 "请按一下门再试，或联系客服", "Press the door and try again, or call us"),
        _refusal("lock_rests", "锁刚开过几次，要歇一分钟", "This lock was opened several times and rests for a minute",
                 "请一分钟后再试", "Try again in a minute"),
        _refusal("no_fit", "没有合适的空箱", "No compartment is free that fits",
                 "换一个柜子或带回", "Use another cabinet or take it back"),
        _refusal("unknown_parcel", "不认识这个包裹", "This parcel is not expected here",
                 "核对柜号", "Check the cabinet number on the label"),
        _refusal("already_loaded", "这个包裹已经放入", "This parcel has been loaded already", "请扫下一个", "Scan the next one"),
        _refusal("no_badge", "请先扫工牌", "Scan your badge first", "扫工牌后再扫包裹", "Then scan the parcel"),
        _refusal("door_open", "箱门还开着", "The door is still open", "请先关好箱门", "Close it first"),
        _refusal("no_question", "现在没有要确认的", "There is nothing to answer just now",
                 "请再扫一次包裹标签", "Scan the parcel label again"),
        _refusal("no_right", "这张工牌没有此权限", "This badge may not do that", "请联系站长", "Ask your station"),
        _refusal("bad_badge", "工牌无效", "This badge is not valid here", "请联系站长", "Ask your station"),
        _refusal("bad_pin", "密码不对", "This PIN is not right", "请再扫工牌，重新输入密码", "Scan the badge again and type the PIN"),
        _refusal("not_ours", "不认识的二维码", "This code is not one of ours", "请扫取件二维码", "Scan your pickup code"),
        _refusal("card", "感应卡不能开门", "A card opens nothing here", "请扫工牌上的二维码", "Scan the QR of your badge"),
        _refusal("late", "请求已过时", "The request came too late", "请再试一次", "Please try again"),
        _refusal("no_time", "柜机暂时无法确认时间", "The cabinet cannot be sure of the time",
                 "请用取件码或二维码", "Use the code or the QR at the cabinet"),
        _refusal("other_session", "柜机刚刚重新连接", "The cabinet has just reconnected", "请再试一次", "Please try again"),
        _refusal("other_occupancy", "箱内已不是这个包裹", "Another parcel lies there now", "请刷新页面", "Reload the page"),
        _refusal("repeated", "请求已处理过", "This was already done", "", ""),
        _refusal("not_there", "屏幕上的数字不对", "The number does not match the screen",
                 "请看柜机屏幕上的两位数字", "Look at the two digits on the cabinet's screen"),
        _refusal("budget", "远程开门过于频繁", "Too many remote openings", "请稍候", "Wait a little"),
        _refusal("no_officers", "这台柜机没有登记负责人", "This cabinet knows no officers",
                 "在柜机文件中登记至少两名负责人", "Name at least two in its cabinet file"),
        _refusal("bad_order", "命令文件无法识别", "The order cannot be read", "请重新下令并签名", "Make and sign a new one"),
        _refusal("one_officer", "需要两名不同的负责人签名", "Two different officers have to sign",
                 "请另一名负责人签名", "Have another officer sign it"),
        _refusal("unknown_officer", "签名人不是这台柜机的负责人", "Somebody has signed who is no officer of this cabinet",
                 "请由柜机文件中登记的负责人签名", "Have it signed by officers whom its cabinet file names"),
        _refusal("bad_signature", "签名与命令不符", "A signature does not fit the order",
                 "请重新下令并签名", "Make and sign a new one"),
        _refusal("order_expired", "命令已过期", "The order has expired", "请核对签名电脑的时钟，重新下令并签名",
                 "Check the clock of the computer that it was made on, and sign a new one"),
        _refusal("order_too_long", "命令的有效期超过 30 分钟", "The order is good for more than 30 minutes",
                 "请核对签名电脑的时钟", "Check the clock of the computer that it was made on"),
        _refusal("order_repeated", "这份命令已经执行过", "This order has been carried out before",
                 "请重新下令并签名", "Make and sign a new one"),
        _refusal("bad_proof", "无法验证请求", "The request could not be verified", "", ""),
        _refusal("not_cold", "冷区温度还没有达标", "It is not cold enough in there",
                 "请联系站长", "Please call the station"),
        _refusal("no_hold", "这一区没有被锁住", "Nothing is held in this zone", "", ""),
        _refusal("held", "为安全起见，暂停取件", "Held back for safety", "请联系客服", "Please call us"),
        _refusal("unproven", "锁控板刚更换，箱门待核对", "This door was wired anew and has not been checked yet",
                 "请联系客服", "Please call us"),
        _refusal("closed", "本柜暂停使用", "This cabinet is out of use at present",
                 "请联系客服", "Please call us"),
        _refusal("no_store", "柜机暂时无法保存记录", "The cabinet cannot write its records", "请联系客服", "Please call us"),
        _refusal("safe_mode", "柜机处于安全模式", "The cabinet is in safe mode",
                 "可在柜机上用取件码或二维码取件", "You can collect with the code or the QR at the cabinet"),
        _refusal("offline", "柜机离线", "The cabinet is offline",
                 "请在柜机上输入取件码或扫码", "Type the code or scan the QR at the cabinet"),
    )
}  # fmt: skip
