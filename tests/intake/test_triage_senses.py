"""Words that mean one thing of a body and another of a house, a crowd or a market."""

import pytest

from dispatch.plans import requirements
from schemas import codes
from tests.intake.test_triage_readings import judge

SENT = codes.default_policy().auto_assign_confidence

BODIES = """
my wife is shaking all over
he's shaking and sweating and his lips are grey
the baby is jerking and shaking in her cot
the diabetic man next door is shaking and confused
my hands won't stop shaking and I feel sick
high temperature and shivering, he doesn't know where he is
she is burning up with fever, 40.2, and won't wake properly
burning pain in my chest and left arm
he burned his hand on the stove, big blisters
she collapsed outside the building
my dad collapsed on the stairs
blood is leaking from his nose and won't stop
fluid is leaking from his ear after the fall
a blood vessel burst in his eye
she had her second shot and now her face is swelling
a bone is stuck in his throat and he can't breathe
she fell off the ladder and her leg is bent wrong
there's water on his lungs, he can't breathe lying down
his heart is racing and he feels faint
我老婆全身发抖
他一直在抖，嘴唇发紫
老人浑身颤抖，话也说不出来
孩子抖得厉害，眼睛往上翻
孩子烧到四十度还在抽
我妈发烧烧糊涂了，叫不应
宝宝烧了三天不退，现在没精神
烧心烧得难受，胸口也闷
胃里烧得慌
他晕倒了
工人中暑倒在工地上
爷爷倒在卫生间，叫不醒
他鼻子一直漏血止不住
羊水漏了，三十五周
喉咙被枣子堵住了，脸都紫了
他血管堵了，医生说心梗
血管爆了，脑出血
他眼睛爆血管了
他喘得不行了
头晕站不住，恶心
她站都站不稳，一直晃，说话也不清楚
走路摇摇晃晃，半边身子没力气
打呼噜突然停了，喊不醒
鱼刺卡喉咙里
吐了好多血
""".strip().splitlines()

OTHERS = [
    ("earthquake", "the whole house is shaking and the lamps swing"),
    ("earthquake", "our flat shook and things fell off the shelf"),
    ("earthquake", "整幢楼都在抖，吊灯晃得厉害"),
    ("earthquake", "床在抖，柜子上的东西掉下来了"),
    ("earthquake", "吊灯在晃，我人站不稳"),
    ("storm_damage", "A big plane tree came down in the wind and is lying across the road"),
    ("fire", "the hedge is burning behind number 4"),
    ("fire", "楼下垃圾堆烧起来了"),
    ("gas_leak", "gas is leaking from the cooker"),
    ("gas_leak", "厨房煤气漏了"),
    ("structure_collapse", "the shed roof collapsed on the dog"),
    ("structure_collapse", "the scaffold has just come down on two men"),
    ("structure_collapse", "workers are trapped after the wall collapsed"),
    ("structure_collapse", "墙倒了压到人"),
    ("violence", "a man has been shot in the arm"),
    ("missing_person", "he doesn't know where he lives and has wandered off"),
]

FIGHTS = """
Several people are fighting
a bunch of lads are fighting outside the kebab shop
loads of people punching each other at the bus stop
people are fighting on the platform
about ten people brawling in the car park
有几个人在打架
好几个人打起来了
十几个人在网吧门口打群架
两拨人在广场上打起来了
""".strip().splitlines()

CROWDS = """
people are being squeezed against the barrier at the gate, they can't breathe
the crowd is pushing and people are being trampled
人群往前涌，有人被挤倒踩到了
""".strip().splitlines()

FIGURES = """
drowning in debt and can't sleep
we are flooded with orders this week
the news was leaked to the press
got my flu shot yesterday, arm is sore
bleeding edge technology at the fair
I'm stuck in traffic, will be late
my phone fell in the toilet
he fell in love on the roof
my laptop crashed again
she exploded at me over the dishes
we were shaken by the news
the plane touched down at Heathrow on time
公司要倒了，大家都在找工作
消息漏出去了
群里消息炸了
股票摔惨了
我快被作业淹没了
我晕，这也行
抖音刷到半夜
""".strip().splitlines()


@pytest.mark.parametrize("text", BODIES)
def test_what_befalls_a_body_is_a_medical_matter(text):
    found = judge(text)
    assert found.category in ("medical", "lift_entrapment"), found
    assert found.severity in ("P1", "P2", "P3"), found


@pytest.mark.parametrize(("category", "text"), OTHERS)
def test_the_same_words_of_a_house_are_what_they_were(category, text):
    assert judge(text).category == category, judge(text)


@pytest.mark.parametrize("text", FIGHTS)
def test_several_who_fight_are_no_crowd(text):
    assert judge(text).category in ("public_disorder", "violence"), judge(text)


@pytest.mark.parametrize("text", CROWDS)
def test_a_crowd_that_crushes_is_one(text):
    assert judge(text).category == "crowd_crush", judge(text)


@pytest.mark.parametrize("text", FIGURES)
def test_nobody_is_sent_to_a_figure_of_speech(text):
    assert judge(text).confidence < SENT, judge(text)


@pytest.mark.parametrize(
    ("categories", "text"),
    [
        ({"traffic_crash"}, "a small plane has crashed into the field behind the farm"),
        ({"traffic_crash"}, "a helicopter has come down on the hospital roof"),
        ({"traffic_crash", "fire"}, "飞机坠毁起火"),
        ({"traffic_crash"}, "直升机掉下来了砸在屋顶上"),
        ({"traffic_crash"}, "AIRCRAFT CRASH"),
        ({"traffic_crash"}, "train derailed, three carriages on their side"),
        ({"traffic_crash"}, "火车脱轨，两节车厢翻了"),
        ({"traffic_crash"}, "school bus overturned, kids inside"),
        ({"traffic_crash"}, "校车翻了"),
        ({"fire"}, "double decker bus is on fire with people on board"),
        ({"fire"}, "公交车着火了，车上还有人"),
    ],
)
def test_a_fire_pump_goes_to_what_may_burn_with_many_in_it(categories, text):
    """Aircraft, trains and buses: a crash is no small one, and rescue works beside a pump."""
    found = judge(text)
    assert found.category in categories, found
    assert found.severity == "P1", found
    assert {"pump", "als"} <= capabilities(found.category, found.severity)


@pytest.mark.parametrize(
    "text",
    [
        "tanker overturned and petrol is running down the road",
        "a lorry with acid drums crashed, the liquid is smoking",
        "tanker crash, driver trapped, chemical leaking",
        "油罐车侧翻，汽油流了一地",
        "槽罐车追尾，液氨泄漏",
        "危险品车翻了，司机被困，罐子在漏",
    ],
)
def test_a_unit_for_hazardous_substances_goes_to_a_tanker_that_leaks(text):
    found = judge(text)
    assert found.category == "chemical_spill", found
    assert {"hazmat", "pump", "als"} <= capabilities(found.category, found.severity)


@pytest.mark.parametrize(
    "text",
    [
        "car in the river with people inside",
        "轿车掉河里了，人还在车里",
        "公交车坠江",
        "bus in the lake",
    ],
)
def test_rescue_goes_to_a_vehicle_in_the_water(text):
    found = judge(text)
    assert (found.category, found.severity) == ("water_rescue", "P1"), found
    assert {"rescue", "als"} <= capabilities(found.category, found.severity)


def test_who_is_trapped_in_a_crash_or_a_spill_gets_rescue_beside_a_pump():
    for category in ("traffic_crash", "chemical_spill"):
        assert {"rescue", "pump", "als"} <= capabilities(category, "P1")


def capabilities(category: str, severity: str) -> set[str]:
    return {one.capability for one in requirements(codes.default_policy(), category, severity)}
