"""Radicals and strokes with a separate code point beside the ideograph that looks the same."""

from collections.abc import Mapping

# Pairs of a radical or stroke and its ideograph, from the property Equivalent_Unified_Ideograph of the Unicode
# Character Database 14.0 (EquivalentUnifiedIdeograph.txt, Unicode License), blocks CJK Radicals Supplement and CJK
# Strokes. Unicode's own decompositions cover the Kangxi radicals.
PAIRS = """
⺁厂⺂乛⺃乚⺄乙⺅亻⺆冂⺇𠘨⺈刀⺉刂⺊卜⺋㔾⺌小⺍小⺎兀⺏尣⺐尢⺑𡯂⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌
⺙攵⺛旡⺜日⺝月⺞歺⺟母⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪𤴔⺫目⺬示⺭礻⺯糹⺰纟⺱罓
⺲罒⺴冗⺵𦉫⺶羊⺷𦍌⺸𦍋⺹耂⺺肀⺻聿⺼肉⺽𦥑⺾艹⺿艹⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇𧢲⻈讠⻉贝
⻊𧾷⻋车⻌辶⻍辶⻎辶⻏邑⻐钅⻑長⻒镸⻓长⻔门⻕𨸏⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻞𩙿⻟飠⻠饣⻡𩠐
⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟㇆𠃌㇏乀㇐一㇑丨㇒丿㇓丿
㇔丶㇕𠃍㇖乛㇗𠃊㇘𠃎㇙𠄌㇚亅㇛𡿨㇜𠃋㇝乀㇞𠃑㇟乚㇠乙㇡𠄎
"""

IDEOGRAPHS: Mapping[str, str] = {line[i]: line[i + 1] for line in PAIRS.split() for i in range(0, len(line), 2)}
# Radicals that are drawn unchanged.
KEPT = frozenset("⺮⺳")
