"""Every word of the console in Chinese and English. What a fault or refusal says stands in the contract."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from config.contract.faults import FAULTS, REFUSALS, Sentence

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
TAGS: dict[Language, Literal["zh-CN", "en-US"]] = {"zh": "zh-CN", "en": "en-US"}

_TABLE: dict[str, tuple[str, str]] = {
    # every page
    "title": ("团柜运营台", "tuangui console"),
    "cabinets": ("柜机", "Cabinets"),
    "events": ("事件", "Events"),
    "ghosts": ("账物不符", "Ghosts"),
    "other_language": ("English", "中文"),
    "sign_out": ("退出", "Sign out"),
    "at_this_machine": ("本机", "this machine"),
    "as_of": ("截至 {clock}，实时", "as of {clock}, live"),
    "no_news": ("已 {age} 没有新消息", "no news for {age}"),
    "ago": ("{age}前", "{age} ago"),
    "seconds": ("{n} 秒", "{n} s"),
    "minutes": ("{n} 分钟", "{n} min"),
    "hours": ("{n} 小时", "{n} h"),
    "days": ("{n} 天", "{n} d"),
    "cannot_read": ("现在读不到最新情况，正在重试", "The latest cannot be read just now; trying again"),
    "failed": ("页面暂时打不开", "This page cannot be shown just now"),
    "failed_next": (
        "原因已记录。请稍后再试；若仍不行，请查看服务日志。",
        "It has been written down. Try again; if it stays so, look into the service's log.",
    ),
    "try_again": ("重试", "Try again"),
    "earlier": ("更早", "Earlier"),
    "newest": ("最新", "Newest"),
    "previous": ("上一页", "Previous"),
    "next": ("下一页", "Next"),
    "all": ("全部", "all"),
    # sign-in
    "sign_in": ("登录", "Sign in"),
    "sign_in_hint": (
        "请使用权限为 operator 的 API 密钥。密钥由服务管理员用 tuangui cloud key create 生成。",
        "Use an API key of scope operator. Whoever runs the service makes one: tuangui cloud key create.",
    ),
    "api_key": ("API 密钥", "API key"),
    "refused.no_api_key": ("API 密钥以 tg_ 开头", "An API key begins with tg_"),
    "refused.bad_api_key": ("这个密钥无效或已停用", "This key is not in force"),
    "refused.scope_missing": ("这个密钥没有 operator 权限", "This key has no scope operator"),
    # list
    "search": ("搜索", "Search"),
    "search_hint": ("柜号、名称、地址", "number, name, address"),
    "no_cabinet_yet": ("还没有登记柜机", "No cabinet has been enrolled yet"),
    "no_cabinet_next": (
        "用 tuangui cloud enrol 登记第一台柜机，它会出现在这里。",
        "Enrol the first with tuangui cloud enrol, and it appears here.",
    ),
    "none_found": ("没有符合“{text}”的柜机", "No cabinet matches “{text}”"),
    "show_all": ("显示全部", "Show all"),
    "in_all": ("共 {n} 台", "{n} in all"),
    "cabinet": ("柜机", "Cabinet"),
    "presence": ("状态", "Presence"),
    "doors_open": ("开着的门", "Doors open"),
    "compartments": ("格口", "Compartments"),
    "open_alarms": ("未处理告警", "Open alarms"),
    "none": ("无", "none"),
    "not_told": ("柜机尚未报告", "not told yet"),
    # presence
    "presence.online": ("在线", "online"),
    "presence.lost": ("连接中断", "away"),
    "presence.offline": ("已确认离线", "confirmed offline"),
    "presence.never": ("从未上线", "never seen"),
    "last_sign": ("最近一次消息", "last sign of life"),
    # one cabinet
    "unknown_cabinet": ("没有这台柜机", "There is no such cabinet"),
    "back_to_list": ("返回柜机列表", "Back to the cabinets"),
    "closed.new": ("已停止投放，取件照常", "Closed: nothing is taken in, pickups go on"),
    "closed.all": ("已停用，取件也暂停", "Closed: pickups have stopped, too"),
    "phone": ("客服电话", "Operator's telephone"),
    "software": ("软件", "Software"),
    "clock": ("时钟", "Clock"),
    "clock.trusted": ("准确", "trusted"),
    "clock.floor": ("只知不早于", "not before only"),
    "clock.unknown": ("不可信", "unknown"),
    "doors": ("箱门", "Doors"),
    "doors_hint": ("点按箱门可远程打开", "Press a door to open it from afar"),
    "doors_are_old": (
        "柜机现在不在线，以下是它最后报告的情况",
        "The cabinet is not there now; this is how it was when last heard",
    ),
    "legend": ("图例", "Legend"),
    "alarms": ("告警", "Alarms"),
    "no_alarm": ("没有未处理的告警", "No alarm is open"),
    "next_step": ("下一步", "Next step"),
    "since": ("自", "since"),
    "unknown_fault": ("未知故障 {code}", "Unknown fault {code}"),
    "last_events": ("最近事件", "Last events"),
    "no_event": ("没有事件", "No event"),
    "all_events": ("全部事件", "All events"),
    "openings": ("远程开门", "Remote openings"),
    "no_opening": ("还没有远程开过门", "No door has been opened from afar"),
    "documents": ("下发文件", "Documents"),
    "no_document": ("还没有下发文件", "No document has been sent yet"),
    "document": ("文件", "Document"),
    "wanted": ("应为", "wanted"),
    "reported": ("已报告", "reported"),
    "applied": ("一致", "in force"),
    "waiting": ("等待柜机", "waiting for the cabinet"),
    "refused": ("被拒绝：{why}", "refused: {why}"),
    "document.keys": ("密钥", "keys"),
    "document.grants": ("授权", "grants"),
    "document.parcels": ("包裹", "parcels"),
    "document.settings": ("设置", "settings"),
    # doors and compartments
    "door.unknown": ("未知", "unknown"),
    "door.closed": ("关", "closed"),
    "door.pulsing": ("正在开", "opening"),
    "door.open": ("开", "open"),
    "door.ajar": ("未关好", "ajar"),
    "door.stuck": ("打不开", "stuck"),
    "door.forced": ("被强开", "forced"),
    "door.sensor_fault": ("门磁故障", "switch fault"),
    "state.unknown": ("未知", "unknown"),
    "state.vacant": ("空", "vacant"),
    "state.reserved": ("已预留", "reserved"),
    "state.loading": ("正在放入", "loading"),
    "state.occupied": ("有包裹", "occupied"),
    "state.collecting": ("正在取", "collecting"),
    "state.checking": ("待查看", "to be checked"),
    "side.overdue": ("超期", "overdue"),
    "side.cold_hold": ("冷链暂停", "cold hold"),
    "side.quarantine": ("隔离", "quarantine"),
    "side.unproven": ("待核对接线", "wired anew"),
    "side.out_of_service": ("停用", "out of service"),
    "side.forced": ("曾被强开", "was forced"),
    "unverified": ("未经查看", "not seen empty"),
    "zone.ambient": ("常温", "ambient"),
    "zone.chilled": ("冷藏", "chilled"),
    "zone.frozen": ("冷冻", "frozen"),
    # opening a door from afar
    "open_title": ("远程打开 {label} 号箱门？", "Open door {label} from afar?"),
    "open_warning": (
        "请确认现场安全。此操作会连同您的理由记入台账。",
        "Make sure that it is safe there. This is written into the ledger with your reason.",
    ),
    "open_occupied": ("箱内有包裹。", "There is a parcel in it."),
    "reason": ("理由（必填）", "Reason (required)"),
    "reason_short": ("请写明理由，3 到 120 个字", "Say why, in 3 to 120 characters"),
    "cancel": ("取消", "Cancel"),
    "open_now": ("打开", "Open"),
    "open_sent": ("{label} 号箱门：指令已发出", "Door {label}: the command is on its way"),
    "refused.cabinet_offline": (
        "柜机不在线，无法远程开门；取件码和二维码仍可使用",
        "The cabinet is not there, so no door can be opened from afar; code and QR still work",
    ),
    "refused.broker_unreachable": (
        "消息服务器暂时不可用，请稍后再试",
        "The broker cannot be reached; try again in a moment",
    ),
    "refused.unknown_compartment": ("没有这个格口", "There is no such compartment"),
    "refused.unknown_cabinet": ("没有这台柜机", "There is no such cabinet"),
    "refused.signed_out": ("登录已失效，请重新登录", "You are no longer signed in; sign in again"),
    "command.created": ("已记录", "written down"),
    "command.sent": ("已发出，等待柜机", "sent, waiting for the cabinet"),
    "command.succeeded": ("门已打开", "the door opened"),
    "command.failed": ("没有打开", "the door did not open"),
    "command.rejected": ("柜机拒绝", "the cabinet refused"),
    "command.unknown": ("结果不明", "outcome not known"),
    "command.timed_out": ("超时，没有答复", "timed out, nothing was heard"),
    "late_outcome": ("后来得知：{outcome}", "heard later: {outcome}"),
    "asked_by": ("操作人：{who}", "asked by {who}"),
    "asker.here": ("服务器本机的运营台", "console at the service's machine"),
    "asker.resident": ("居民，订单 {order}", "resident of order {order}"),
    "asker.console": ("运营台，密钥 {name}", "console, key {name}"),
    "asker.key": ("接口，密钥 {name}", "API, key {name}"),
    "asker.order": ("两名负责人的命令 {order}，密钥 {name}", "order {order} of two officers, key {name}"),
    "all_doors": ("全部箱门", "All doors"),
    "command.open_all": ("柜机已接受，正在打开全部箱门", "taken; the cabinet opens every door"),
    # ghosts
    "ghost": ("不符之处", "What does not fit"),
    "no_ghost": ("账物相符", "All goods have an order, and all orders their goods"),
    "of_order": ("订单 {order}", "order {order}"),
    "ghost.unknown_goods": ("有物无单：没有对应的订单", "Goods that no order here names"),
    "ghost.nameless_goods": ("可能有物品，不知是谁的", "Something may lie there, and nobody knows whose"),
    "ghost.collected_goods": ("已记为取走，但物品仍在", "Counts as collected, and still lies there"),
    "ghost.missing_goods": ("有单无物：已投放，但没有格口装着它", "Was brought, and no compartment holds it"),
    "ghost.unsure_goods": ("有单，物品是否还在不清楚", "Was brought, and nobody is sure that it is there"),
    # events
    "filter": ("筛选", "Filter"),
    "type": ("类型", "Type"),
    "compartment": ("格口", "Compartment"),
    "time": ("时间", "Time"),
    "event": ("事件", "Event"),
    "no_event_matches": ("没有符合条件的事件", "No event matches"),
    "event.unreadable": ("无法读取的事件，已原样保存", "An event that cannot be read; kept as it came"),
    "event.Booted": ("控制器启动（{reason}）", "The controller started ({reason})"),
    "event.EpochBegan": ("重新编号（{reason}）", "Numbering begins anew ({reason})"),
    "event.LostRange": ("一段记录已丢失", "A stretch of records is lost"),
    "event.Baseline": ("报告当前全部状态", "Everything as it stands now"),
    "event.Surveyed": ("报告其余格口", "More compartments reported"),
    "event.OpeningStarted": ("开始开门：{purpose}，凭{proof}", "Opening begun: to {purpose}, by {proof}"),
    "event.PulseIntended": ("第 {pulse} 次通电", "Pulse {pulse} is next"),
    "event.PulseWithheld": ("未通电：{reason}", "Pulse withheld: {reason}"),
    "event.DoorOpened": ("门已打开", "Door opened"),
    "event.DoorClosed": ("门已关上", "Door closed"),
    "event.DoorForced": ("门在没有授权时打开", "Door opened without anyone being entitled"),
    "event.DoorLeftOpen": ("门已开 {open_s} 秒未关", "Door left open for {open_s} s"),
    "event.OpeningFailed": ("通电 {pulses} 次，门没有打开", "Door did not open after {pulses} pulses"),
    "event.OpeningAmbiguous": ("控制器中断，门可能开过", "The controller stopped; the door may have opened"),
    "event.OpeningEnded": ("开门结束，物品未变", "Opening ended, no goods changed hands"),
    "event.ParcelDeposited": ("包裹已放入", "Parcel deposited"),
    "event.DepositAborted": ("没有放入：{reason}", "Parcel not deposited: {reason}"),
    "event.ParcelCollected": ("包裹已取走", "Parcel collected"),
    "event.DepositAnswered": ("投放人说明：{answer}", "Said by whoever loaded: {answer}"),
    "event.LeftBehind": ("关门后箱内还有东西", "The door was shut, and something still lies there"),
    "event.SeenInside": ("箱门未开，箱内情况有变：{goods}", "Behind a shut door {goods}"),
    "event.ParcelRemoved": ("超期包裹已取出", "Overdue parcel taken out"),
    "event.CabinetFull": (
        "{zone}没有 {size} 号以上的空箱",
        "No {zone} compartment of {size} or larger is free",
    ),
    "event.WiringChanged": ("箱门接线已更换，待核对", "The door was wired anew and is to be checked"),
    "event.WiringProven": ("箱门接线已核对，工牌 {badge}", "Badge {badge} has seen that this door opens"),
    "event.CheckNeeded": ("需要到现场查看：{reason}", "Somebody has to look: {reason}"),
    "event.ColdHoldBegan": ("冷链暂停（{zone}）：{reason}", "Cold hold in {zone}: {reason}"),
    "event.ColdHoldEnded": ("冷链放行（{zone}），工牌 {badge}", "Cold hold in {zone} ended by badge {badge}"),
    "event.ExposureRecorded": (
        "{label} 号格口物品在{zone}的受温记录：超温 {warm_min} 分钟，{degree_min} 度·分，{gaps} 次断电",
        "Goods of {label} in {zone}: warm for {warm_min} min, {degree_min} degree minutes, {gaps} power gaps",
    ),
    "event.AccessRefused": ("凭{proof}开门被拒绝：{reason}", "Refused, by {proof}: {reason}"),
    "event.CodeReplaced": ("出示了新的取件码，旧的作废", "A newer code was shown; older ones are void"),
    "event.CourierArrived": ("配送员到达", "Courier arrived"),
    "event.CourierLeft": ("配送员离开，放入 {deposited} 件", "Courier left, {deposited} deposited"),
    "event.InsideCalled": ("有人按下“有人被困”", "'Someone is inside' was pressed"),
    "event.OpenAllOrdered": (
        "负责人 {officers} 下令打开全部箱门：{reason}（命令 {order}）",
        "Every door opened by order {order} of officers {officers}: {reason}",
    ),
    "event.CommandEnded": ("远程指令结束：{outcome}", "Remote command ended: {outcome}"),
    "event.FaultRaised": ("故障：{fault}", "Fault: {fault}"),
    "event.FaultCleared": ("故障消除：{fault}", "Fault over: {fault}"),
    "event.DocumentApplied": ("{name}第 {version} 版已生效", "Document {name}, version {version}, in force"),
    # event types, for the filter
    "type.Booted": ("控制器启动", "Controller started"),
    "type.EpochBegan": ("重新编号", "New numbering"),
    "type.LostRange": ("记录丢失", "Records lost"),
    "type.Baseline": ("当前状态", "State as it stands"),
    "type.Surveyed": ("格口报告", "Compartments surveyed"),
    "type.OpeningStarted": ("开始开门", "Opening begun"),
    "type.PulseIntended": ("准备通电", "Pulse intended"),
    "type.PulseWithheld": ("未通电", "Pulse withheld"),
    "type.DoorOpened": ("门已打开", "Door opened"),
    "type.DoorClosed": ("门已关上", "Door closed"),
    "type.DoorForced": ("门被强开", "Door forced"),
    "type.DoorLeftOpen": ("门长时间未关", "Door left open"),
    "type.OpeningFailed": ("门没有打开", "Opening failed"),
    "type.OpeningAmbiguous": ("开门结果不明", "Opening ambiguous"),
    "type.OpeningEnded": ("开门结束", "Opening ended"),
    "type.ParcelDeposited": ("包裹已放入", "Parcel deposited"),
    "type.DepositAborted": ("放入取消", "Deposit aborted"),
    "type.ParcelCollected": ("包裹已取走", "Parcel collected"),
    "type.DepositAnswered": ("投放确认", "Deposit answered"),
    "type.LeftBehind": ("物品遗留", "Left behind"),
    "type.SeenInside": ("箱内有变", "Seen inside"),
    "type.ParcelRemoved": ("超期取出", "Overdue removed"),
    "type.CabinetFull": ("柜满", "Cabinet full"),
    "type.WiringChanged": ("接线更换", "Wired anew"),
    "type.WiringProven": ("接线核对", "Wiring proven"),
    "type.CheckNeeded": ("需要查看", "Check needed"),
    "type.ColdHoldBegan": ("冷链暂停", "Cold hold begun"),
    "type.ColdHoldEnded": ("冷链放行", "Cold hold ended"),
    "type.ExposureRecorded": ("受温记录", "Exposure recorded"),
    "type.AccessRefused": ("开门被拒绝", "Access refused"),
    "type.CodeReplaced": ("取件码已更换", "Code replaced"),
    "type.CourierArrived": ("配送员到达", "Courier arrived"),
    "type.CourierLeft": ("配送员离开", "Courier left"),
    "type.InsideCalled": ("有人被困", "Someone inside"),
    "type.OpenAllOrdered": ("下令全开", "All doors ordered open"),
    "type.CommandEnded": ("远程指令结束", "Command ended"),
    "type.FaultRaised": ("故障", "Fault raised"),
    "type.FaultCleared": ("故障消除", "Fault cleared"),
    "type.DocumentApplied": ("文件生效", "Document in force"),
    # what events speak of
    "purpose.load": ("放入", "load"),
    "purpose.collect": ("取件", "collect"),
    "purpose.remove": ("取出超期件", "remove what is overdue"),
    "purpose.service": ("维护", "service"),
    "purpose.open_all": ("全部打开", "open all"),
    "purpose.emergency": ("救援", "rescue"),
    "proof.code": ("取件码", "code"),
    "proof.code_tail": ("取件码和手机尾号", "code and phone digits"),
    "proof.qr": ("二维码", "QR code"),
    "proof.phone": ("手机", "phone"),
    "proof.remote": ("远程指令", "remote command"),
    "proof.badge": ("工牌", "badge"),
    "proof.inside": ("“有人被困”按钮", "the 'someone is inside' button"),
    "proof.officers": ("两名负责人的命令", "an order of two officers"),
    "proof.none": ("无", "nothing"),
    "reason.start": ("正常启动", "start"),
    "reason.crash": ("程序中断后", "after a crash"),
    "reason.power": ("断电后", "after a power cut"),
    "reason.not_back": ("关门后 30 分钟温度没有恢复", "not cold again half an hour after the last door"),
    "reason.no_reading": ("温度未知", "nobody knows how warm it was"),
    "reason.power_gap": ("曾断电", "there was a time without power"),
    "reason.courier": ("配送员取回", "the courier took it back"),
    "reason.does_not_fit": ("放不下，已换箱", "it did not fit"),
    "reason.not_empty": ("箱内有物或不干净", "the compartment was not empty or not clean"),
    "reason.unconfirmed": ("没人确认包裹是否放入", "nobody has confirmed that the parcel is in"),
    "answer.is_in": ("包裹已放入", "the parcel is in"),
    "answer.not_in": ("没有放入", "it was not put in"),
    "answer.does_not_fit": ("放不下", "it does not fit"),
    "answer.not_empty": ("箱内有物或不干净", "the compartment is not empty or not clean"),
    "goods.True": ("看到物品", "something is seen that was not"),
    "goods.False": ("看不到物品了", "the parcel is not seen any more"),
    "reason.unopened": ("门没有打开", "the door was not opened"),
}

WORDS: dict[str, Sentence] = {key: Sentence(*both) for key, both in _TABLE.items()}


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue in one language."""

    language: Language

    def __call__(self, key: str, **facts: object) -> str:
        """The words of a key, which has to be in the catalogue."""
        return self.pattern(key).format(**facts)

    def pattern(self, key: str) -> str:
        """The words of a key with the places for facts left open."""
        return WORDS[key].in_language(self.language)

    def or_else(self, key: str, fallback: str) -> str:
        """The words of a key that comes from elsewhere, or the text itself where there are none."""
        return self(key) if key in WORDS else fallback

    def fault(self, code: str) -> str:
        """What is wrong; a code that this version does not know is named."""
        known = FAULTS.get(code)
        return known.says.in_language(self.language) if known else self("unknown_fault", code=code)

    def why(self, code: str) -> str:
        """A reason code as a sentence: a refusal, a fault, or one of our own; free text stays as it is."""
        known = REFUSALS.get(code) or FAULTS.get(code)
        return known.says.in_language(self.language) if known else self.or_else(f"reason.{code}", code)


@cache
def words_for(language: Language) -> Words:
    return Words(language)
