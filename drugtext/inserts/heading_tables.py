"""The tables of headings: what US, EU and Chinese inserts call each canonical section."""

from __future__ import annotations

import re

# Keys as `headings.heading_key` gives them: lower case, without numbers and brackets.
ENGLISH = {
    "boxed_warning": "boxed warning; boxed warnings; black box warning",
    "indications_and_usage": """
        indications and usage; indications and use; indications; indication; indication and usage;
        indications for use; uses; use; usage; purpose; purposes; therapeutic indications;
        therapeutic indication; approved indications; indications and dose; pl what it is;
        what this medicine is and what it is used for
    """,
    "description": "description; product description; drug description",
    "mechanism_of_action": "mechanism of action; mode of action; moa",
    "clinical_pharmacology": """
        clinical pharmacology; pharmacology; pharmacological action; pharmacological actions;
        pharmacokinetics; pharmacodynamics; pharmacogenomics;
        pharmacological properties; pharmacodynamic properties; pharmacokinetic properties;
        actions and clinical pharmacology; pharmacodynamics and pharmacokinetics;
        pharmacodynamics/pharmacokinetics
    """,
    "dosage_and_administration": """
        dosage and administration; dosage; dose and administration; dosing and administration;
        dosing; posology; posology and method of administration; method of administration;
        recommended dosage; directions; directions for use; pl how to use
    """,
    "contraindications": "contraindications; contraindication; contra-indications; do not use",
    "warnings": """
        warnings; warning; warnings and cautions; warnings and precautions;
        warnings/precautions; precautions; precaution; general precautions; cautions;
        special warnings and precautions for use; special warnings and precautions;
        special warnings; special precautions; ask doctor; ask a doctor;
        ask doctor or pharmacist; ask a doctor or pharmacist; stop use; when using;
        when using this product; keep out of reach of children; pl before use
    """,
    "adverse_reactions": """
        adverse reactions; adverse reaction; adverse effects; adverse events; undesirable effects;
        side effects; side-effects; possible side effects; adverse drug reactions; pl side effects;
        adverse reactions/side effects; are there any side effects
    """,
    "drug_interactions": """
        drug interactions; drug interaction; interactions; interactions with other medicines;
        drug and or laboratory test interactions; drug and/or laboratory test interactions;
        drug/laboratory test interactions; drug-drug interactions; drug/drug interactions;
        interaction with other medicinal products and other forms of interaction;
        interaction with other medicinal products; interactions with other medicinal products
    """,
    "use_in_specific_populations": """
        use in specific populations; use in special populations; specific populations;
        special populations; pregnancy; pregnancy or breast feeding; pregnancy or breastfeeding;
        pregnancy and lactation; pregnancy and breast-feeding; pregnancy and breastfeeding;
        pregnancy, breast-feeding and fertility; fertility, pregnancy and lactation;
        nursing mothers; lactation; pediatric use; paediatric use; geriatric use;
        labor and delivery; teratogenic effects; nonteratogenic effects; non-teratogenic effects;
        females and males of reproductive potential; pediatric use and geriatric use
    """,
    "overdosage": "overdosage; overdose; over dosage; overdosing; drug overdosage",
    "how_supplied": """
        how supplied; how supplied/storage and handling; how supplied and storage and handling;
        how supplied and storage; supplied; dosage forms and strengths; dosage form and strengths;
        dosage forms and strength; dosage forms; dosage form; strengths; pharmaceutical form;
        nature and contents of container; package presentation; presentations; presentation
    """,
    "composition": """
        active ingredient; active ingredients; inactive ingredient; inactive ingredients;
        composition; ingredients; qualitative and quantitative composition; list of excipients;
        excipients; contents of the pack and other information; further information;
        contents of the pack; pl contents
    """,
    "storage": """
        storage and handling; storage; storage conditions; storage and stability;
        special precautions for storage; other information; pl storage
    """,
    "patient_information": """
        information for patients; patient information; patient counseling information;
        patient counselling information; patient information leaflet; medication guide;
        spl medguide; medguide; spl patient package insert; patient package insert;
        patient package information; instructions for use; instruction for use;
        patient medication information; patient instructions for use
    """,
}

# Simplified forms only: traditional characters are folded onto them before the look-up.
CHINESE = {
    "boxed_warning": "黑框警告 警示语 警示 警告语 警语 黑框警示语",
    "indications_and_usage": """
        适应症 适应证 功能主治 功能与主治 主治功能 主治 功效 功能 适应症/功能主治 适应症与用途
        作用类别 作用与用途 作用和用途 用途 适应症及用途 适应症和用途 适应症状 治疗适应症
        功能主治/适应症 适用范围 接种对象 疾病适应症 效能 效能及效果
    """,
    "description": "性状 药品性状 产品性状 描述 说明 性状描述",
    "mechanism_of_action": """
        药理毒理 药理作用 药理毒理作用 药理 作用机制 作用机理 药理学 药理学作用 毒理 毒理研究
        药理与毒理 药理机制 药理作用机转 作用机转 药效学机制
    """,
    "clinical_pharmacology": """
        药代动力学 药物代谢动力学 药动学 药代学 药代动力 药效学 药效动力学 药物动力学 临床药理
        临床药理学 药理特性 药理学特性 药物动力学特性 药效药理特性 药物基因组学 遗传药理学
    """,
    "dosage_and_administration": """
        用法用量 用法与用量 用法及用量 用法和用量 用法/用量 用量用法 用法 用量 剂量与用法
        剂量及用法 剂量 用法、用量 给药方法 给药说明 用药方法 服用方法 使用方法 免疫程序和剂量
        用法用量及疗程 服法 用法剂量 用法及剂量 用法与剂量 剂量和用法 用法用量说明
    """,
    "contraindications": "禁忌 禁忌症 禁忌证 用药禁忌 使用禁忌 禁用 服药禁忌 禁忌事项 配伍禁忌",
    "warnings": """
        注意事项 警告 注意 使用注意 警告和注意事项 警告与注意事项 警告及注意事项 警语及注意事项
        警语与注意事项 使用注意事项 用药注意事项 特殊注意事项 特别注意事项 慎用 谨慎使用 药物警戒
        注意事项与警告 注意事项及警告 临床用药须知
    """,
    "adverse_reactions": """
        不良反应 副作用 副反应 不良反应/副作用 可能的不良反应 副作用/不良反应 药物不良反应
        毒副作用 不良反应及副作用 不良事件 毒副反应 常见不良反应
    """,
    "drug_interactions": """
        药物相互作用 相互作用 药物交互作用 交互作用 药物间相互作用 与其他药物的相互作用
        与其他药物相互作用 药品相互作用 药物的相互作用 药品交互作用
    """,
    "use_in_specific_populations": """
        孕妇及哺乳期妇女用药 孕妇及哺乳妇女用药 孕妇和哺乳期妇女用药 孕妇与哺乳期妇女用药 孕妇用药
        妊娠期妇女及哺乳期妇女用药 妊娠及哺乳期妇女用药 妊娠期及哺乳期妇女用药 哺乳期妇女用药
        妊娠与哺乳期注意事项 妊娠及哺乳期用药 妊娠与哺乳 妊娠和哺乳 孕妇及哺乳期用药
        孕妇及哺乳期妇女 孕妇用药及哺乳期妇女用药 儿童用药 小儿用药 儿童用药情况 小儿 儿童
        儿童使用 老年用药 老年患者用药 老人用药 老年人用药 老年者用药 老年使用 老年 特殊人群用药
        特殊人群 特殊族群使用 特殊族群注意事项 孕妇 怀孕及哺乳 孕妇及授乳妇女 肝肾功能不全患者用药
        肝功能不全患者用药 肾功能不全患者用药 妊娠 妊娠分级 具有生育能力的女性与男性 授乳妇女
        怀孕 哺乳
    """,
    "overdosage": "药物过量 过量 用药过量 药品过量 药物过量及处理 过量处理 过量用药 药物逾量 逾量",
    "how_supplied": """
        规格 药品规格 包装规格 产品规格 包装 规格及包装 规格与包装 规格包装 剂型及含量 剂型
        剂型规格 制剂与规格 制剂规格 剂型与规格 剂型和规格 包装单位
    """,
    "composition": """
        成份 成分 主要成份 主要成分 有效成份 有效成分 活性成份 活性成分 药物组成 组成 处方
        处方组成 药品成份 药品成分 主要组成 有效成分及含量 成分及含量 辅料 赋形剂 非活性成分
        非活性成份 成份/性状 主要成份及化学名称 化学成份 化学成分 主要原料 配方 化学名称及结构式
        成份与含量 主成分 主成份
    """,
    "storage": """
        贮藏 储藏 贮存 储存 贮藏条件 储藏条件 贮藏方法 储存条件 贮存条件 保存 保存方法 存储
        保存条件 储存方法 贮法 储藏方法 保管 储运条件 贮存方法 包装及储存
    """,
    "patient_information": """
        患者须知 患者用药信息 病人须知 患者用药指导 病人使用须知 患者指导 患者教育
    """,
}

# Headings of the product's names, and of what else stands in a Chinese insert.
GENERIC_NAME = "通用名称 通用名 中文通用名称 中文名称 中文名 药品通用名称 通用名称(中文)"
BRAND_NAME = "商品名称 商品名 商标名 商标名称 中文商品名 商标 注册商标"
OTHER_NAME = """
    药品名称 药品名 品名 名称 产品名称 英文名称 英文名 汉语拼音 拼音 拼音名 曾用名 别名
    通用名称/商品名称 英文商品名 英文通用名 药物名称 学名
"""
# Kept as they stand: a reader must know them to see where the section before them ends.
OWN = """
    有效期 效期 执行标准 批准文号 生产企业 批准日期 核准日期 修改日期 修订日期 说明书修订日期
    进口药品注册证号 注册证号 生产厂家 生产厂商 企业名称 生产单位 生产日期 生产批号 产品批号
    药品上市许可持有人 上市许可持有人 临床试验 临床研究 药物滥用和药物依赖 药物滥用与依赖
    药物依赖性 结构式 分子式 分子量 化学名称 化学名 化学结构式 其他 备注 说明书 药物分类 药品分类
    药理分类 分类 类别 医保类别 处方类型 药品类型 处方药 外用药 进口分包装 国内联系地址 境内联系人
    分包装企业 委托生产企业 药品本位码 药品注册标准 质量标准 标准 临床试验资料 制造厂 药商
    有效期限 许可证字号 生产地址 联系方式 网址 电话号码 失效期 保质期 鉴别 含量测定 检查
    非临床毒理研究 不相容性 配伍 药物配伍 参考文献 ATC编码 用药须知 特殊说明 电话 传真 邮政编码
    地址 厂商 厂家 给药途径 药品特点 临床应用 制法 制备方法 方解 方剂来源 来源 溶解度 毒性 中毒
    急救措施 温馨提示
"""

# The words of two characters that are headings without brackets too; others begin sentences.
PLAIN_PAIRS = frozenset(
    ["成份", "成分", "性状", "规格", "禁忌", "贮藏", "储藏", "贮存", "储存", "包装", "品名", "过量"]
)

TRADITIONAL = str.maketrans(
    "適應證藥劑兒婦過貯儲裝規動學謝項語類別狀與產療發機轉稱標註書號廠認間關於個種體應險護測驗資訊處單組懷孕"
    "說須細對溫臨床試異標質檢驗許證編碼電話傳真業員禦類參獻網乳證態勢徵屬雙飲後複復鹽錠膠內溶劑臺灣醫師載條範圍給輔謹漢結構遺徑別",
    "适应证药剂儿妇过贮储装规动学谢项语类别状与产疗发机转称标注书号厂认间关于个种体应险护测验资讯处单组怀孕"
    "说须细对温临床试异标质检验许证编码电话传真业员御类参献网乳证态势征属双饮后复复盐锭胶内溶剂台湾医师载条范围给辅谨汉结构遗径别",
)

# A brand name stands between fixed words; headings are short, so no pattern runs far.
PATTERNS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("boxed_warning", r"(boxed|black box) warning\b.*|warning: ?\S.*"),
        ("indications_and_usage", r"what .{1,60} (is|are) and what .{0,30}used for"),
        ("indications_and_usage", r"what ((is|are) .{1,60}|.{1,60} (is|are)) used for"),
        ("indications_and_usage", r"indications and usage for .+|why am i (using|taking) .+"),
        ("storage", r"how (to|do i|should i|should you|is|must) (.* )?(store|stored|keep)\b.*"),
        ("storage", r"storing .+|how .+ (is|are) stored"),
        ("warnings", r"what .* ?(need|needs|should)( i)? (to )?know before .+"),
        ("warnings", r"before (you|your child|taking|using|receiving|having|being) [^,;.]+"),
        ("warnings", r"before .+ is (given|used|taken)( to you)?"),
        ("adverse_reactions", r"(what are )?(the )?possible side[- ]effects( of [^,;.]+)?"),
        ("how_supplied", r"how (is|are) .+ supplied|what .+ looks? like and (the )?contents .*"),
        (
            "dosage_and_administration",
            r"how (to|you|your child|will|should|do i) (.* )?"
            r"(take|use|given|receive|inject|administer|apply|using|taking|used|taken|treated)\b"
            r"[^,;.]*",
        ),
        ("dosage_and_administration", r"how .+ (is|are) (given|used|taken|administered)( to you)?"),
        ("composition", r"what .{1,60} contains|(active|inactive) ingredients? in .+"),
        ("composition", r"contents of the pack.*"),
        ("drug_interactions", r"other medicines and .+|(taking|using) other medicines"),
        ("contraindications", r"do not (take|use) .{1,60}|who should not (take|use|receive) .+"),
        ("warnings", r"(stop use and )?ask a? ?doctor( or pharmacist)?( before use)?( if.*)?"),
        ("warnings", r"(stop|when) using (this product|.{1,40})"),
        (
            "use_in_specific_populations",
            r"if pregnant or breast-?feeding.*|use in (pregnancy|children|the elderly)",
        ),
    )
)

# No other word begins a heading that one of the patterns finds.
PATTERN_STARTS = (
    *("boxed", "black", "warning", "what", "how", "indications", "storing", "before", "possible"),
    *("the", "active", "inactive", "contents", "other", "taking", "using", "do", "who", "stop"),
    *("ask", "when", "if", "use", "why"),
)
