//! Names of people and companies from several cultures, each with its spelling in e-mail addresses and domains.

/// A name as written, and as spelt in an e-mail address.
pub(super) type Spelling = (&'static str, &'static str);

/// The names of one culture.
#[derive(Debug)]
pub(super) struct Culture {
    pub(super) given: &'static [Spelling],
    pub(super) family: &'static [Spelling],
    /// The first words of company names, before the trade.
    pub(super) companies: &'static [Spelling],
    /// The second words of company names.
    pub(super) trades: &'static [Spelling],
    /// The legal forms of companies.
    pub(super) forms: &'static [&'static str],
    /// Job titles in the local language.
    pub(super) positions: &'static [&'static str],
}

/// All cultures; the spelling in addresses has only `a` to `z`.
// A compact table: rustfmt would put each pair on its own line.
#[rustfmt::skip]
pub(super) static CULTURES: [Culture; 13] = [
    // German.
    Culture {
        given: &[
            ("Anna", "anna"), ("Jürgen", "juergen"), ("Sabine", "sabine"), ("Lukas", "lukas"), ("Käthe", "kaethe"),
            ("Thomas", "thomas"), ("Jörg", "joerg"), ("Miriam", "miriam"), ("Stefan", "stefan"), ("Heike", "heike"),
            ("Björn", "bjoern"), ("Franziska", "franziska"), ("Matthias", "matthias"), ("Ursula", "ursula"),
            ("Felix", "felix"), ("Greta", "greta"), ("Uwe", "uwe"), ("Änne", "aenne"), ("Sören", "soeren"),
            ("Katharina", "katharina"),
        ],
        family: &[
            ("Müller", "mueller"), ("Schmidt", "schmidt"), ("Schröder", "schroeder"), ("Weiß", "weiss"),
            ("Becker", "becker"), ("Köhler", "koehler"), ("Krüger", "krueger"), ("Lehmann", "lehmann"),
            ("Vogel", "vogel"), ("Jäger", "jaeger"), ("Groß", "gross"), ("Winkler", "winkler"), ("Böhm", "boehm"),
            ("Seidel", "seidel"), ("Hofmann", "hofmann"), ("Pfeiffer", "pfeiffer"), ("Strauß", "strauss"),
            ("Lindner", "lindner"), ("Kühn", "kuehn"), ("Ritter", "ritter"),
        ],
        companies: &[
            ("Nordwind", "nordwind"), ("Falkenberg", "falkenberg"), ("Hollerbach", "hollerbach"),
            ("Weißtal", "weisstal"), ("Rheinbogen", "rheinbogen"), ("Birkenau", "birkenau"),
            ("Steinfurt", "steinfurt"), ("Ährenfeld", "aehrenfeld"), ("Lärchwald", "laerchwald"),
            ("Donaueck", "donaueck"), ("Silberhof", "silberhof"), ("Königswiese", "koenigswiese"),
        ],
        trades: &[
            ("Logistik", "logistik"), ("Maschinenbau", "maschinenbau"), ("Software", "software"),
            ("Energie", "energie"), ("Verpackung", "verpackung"), ("Medizintechnik", "medizintechnik"),
            ("Gebäudetechnik", "gebaeudetechnik"), ("Beratung", "beratung"), ("Werkzeuge", "werkzeuge"),
            ("Optik", "optik"),
        ],
        forms: &["GmbH", "GmbH & Co. KG", "AG", "KG"],
        positions: &["Geschäftsführung", "Leitung Einkauf", "Vertriebsleitung", "Außendienst"],
    },
    // English.
    Culture {
        given: &[
            ("Emma", "emma"), ("James", "james"), ("Olivia", "olivia"), ("George", "george"),
            ("Charlotte", "charlotte"), ("Henry", "henry"), ("Amelia", "amelia"), ("Oscar", "oscar"),
            ("Grace", "grace"), ("Samuel", "samuel"), ("Harriet", "harriet"), ("Daniel", "daniel"),
            ("Megan", "megan"), ("Oliver", "oliver"), ("Ruth", "ruth"), ("Edward", "edward"), ("Isla", "isla"),
            ("Callum", "callum"), ("Naomi", "naomi"), ("Victor", "victor"),
        ],
        family: &[
            ("Whitfield", "whitfield"), ("Carter", "carter"), ("Ashworth", "ashworth"), ("Bennett", "bennett"),
            ("O'Connor", "oconnor"), ("Fletcher", "fletcher"), ("Hughes", "hughes"), ("Langley", "langley"),
            ("Marsh", "marsh"), ("Norton", "norton"), ("Pemberton", "pemberton"), ("Quinn", "quinn"),
            ("Radcliffe", "radcliffe"), ("Sinclair", "sinclair"), ("Thornton", "thornton"),
            ("Underhill", "underhill"), ("Walsh", "walsh"), ("Yates", "yates"), ("Barlow", "barlow"),
            ("Doyle", "doyle"),
        ],
        companies: &[
            ("Brightwater", "brightwater"), ("Kingsmead", "kingsmead"), ("Oakhurst", "oakhurst"),
            ("Redfern", "redfern"), ("Stonebridge", "stonebridge"), ("Harbourline", "harbourline"),
            ("Larkfield", "larkfield"), ("Westmoor", "westmoor"), ("Ironvale", "ironvale"),
            ("Highcroft", "highcroft"), ("Ambergate", "ambergate"), ("Millbrook", "millbrook"),
        ],
        trades: &[
            ("Consulting", "consulting"), ("Freight", "freight"), ("Analytics", "analytics"),
            ("Robotics", "robotics"), ("Foods", "foods"), ("Packaging", "packaging"), ("Insurance", "insurance"),
            ("Engineering", "engineering"), ("Textiles", "textiles"), ("Software", "software"),
        ],
        forms: &["Ltd", "PLC", "LLP", "Inc."],
        positions: &["Office Manager", "Sales Director", "Partner"],
    },
    // French.
    Culture {
        given: &[
            ("Camille", "camille"), ("Élodie", "elodie"), ("François", "francois"), ("Hélène", "helene"),
            ("Étienne", "etienne"), ("Margaux", "margaux"), ("Théo", "theo"), ("Zoé", "zoe"),
            ("Guillaume", "guillaume"), ("Inès", "ines"), ("Loïc", "loic"), ("Noémie", "noemie"),
            ("Benoît", "benoit"), ("Aurélie", "aurelie"), ("Rémi", "remi"), ("Chloé", "chloe"), ("Jérôme", "jerome"),
            ("Sylvie", "sylvie"), ("Anaïs", "anais"), ("Gaël", "gael"),
        ],
        family: &[
            ("Dubois", "dubois"), ("Lefèvre", "lefevre"), ("Moreau", "moreau"), ("Garnier", "garnier"),
            ("Bérard", "berard"), ("Chevalier", "chevalier"), ("Delacroix", "delacroix"), ("Fournier", "fournier"),
            ("Girard", "girard"), ("Hébert", "hebert"), ("Lacombe", "lacombe"), ("Mercier", "mercier"),
            ("Noël", "noel"), ("Pélissier", "pelissier"), ("Renaud", "renaud"), ("Saunière", "sauniere"),
            ("Thévenet", "thevenet"), ("Vasseur", "vasseur"), ("Béranger", "beranger"), ("Joubert", "joubert"),
        ],
        companies: &[
            ("Valmont", "valmont"), ("Clairvoie", "clairvoie"), ("Beaurivage", "beaurivage"),
            ("Rochefleur", "rochefleur"), ("Montclair", "montclair"), ("Grandpré", "grandpre"),
            ("Hautecombe", "hautecombe"), ("Bellefontaine", "bellefontaine"), ("Aiguebelle", "aiguebelle"),
            ("Sèvremont", "sevremont"), ("Côtebrune", "cotebrune"), ("Préverger", "preverger"),
        ],
        trades: &[
            ("Énergie", "energie"), ("Conseil", "conseil"), ("Transports", "transports"), ("Numérique", "numerique"),
            ("Santé", "sante"), ("Ingénierie", "ingenierie"), ("Emballages", "emballages"), ("Optique", "optique"),
            ("Textile", "textile"), ("Logiciels", "logiciels"),
        ],
        forms: &["SA", "SARL", "SAS"],
        positions: &["Responsable logistique", "Direction commerciale", "Ingénieur d'affaires"],
    },
    // Spanish.
    Culture {
        given: &[
            ("Lucía", "lucia"), ("Álvaro", "alvaro"), ("Carmen", "carmen"), ("José", "jose"), ("Begoña", "begona"),
            ("Íñigo", "inigo"), ("Marta", "marta"), ("Andrés", "andres"), ("Ángela", "angela"), ("Raúl", "raul"),
            ("Inés", "ines"), ("Sebastián", "sebastian"), ("Pilar", "pilar"), ("Tomás", "tomas"),
            ("Noelia", "noelia"), ("Óscar", "oscar"), ("Rocío", "rocio"), ("Jesús", "jesus"),
            ("Valentina", "valentina"), ("Martín", "martin"),
        ],
        family: &[
            ("García", "garcia"), ("Muñoz", "munoz"), ("Hernández", "hernandez"), ("Ibáñez", "ibanez"),
            ("López", "lopez"), ("Núñez", "nunez"), ("Ortega", "ortega"), ("Peña", "pena"), ("Quiroga", "quiroga"),
            ("Rodríguez", "rodriguez"), ("Sáez", "saez"), ("Tejada", "tejada"), ("Urrutia", "urrutia"),
            ("Vázquez", "vazquez"), ("Zúñiga", "zuniga"), ("Castaño", "castano"), ("Domínguez", "dominguez"),
            ("Echeverría", "echeverria"), ("Fuentes", "fuentes"), ("Gálvez", "galvez"),
        ],
        companies: &[
            ("Montesol", "montesol"), ("Ríoclaro", "rioclaro"), ("Altamar", "altamar"), ("Peñalba", "penalba"),
            ("Solana", "solana"), ("Vientonorte", "vientonorte"), ("Cañaveral", "canaveral"),
            ("Lumbrera", "lumbrera"), ("Tierralta", "tierralta"), ("Azulejo", "azulejo"),
        ],
        trades: &[
            ("Logística", "logistica"), ("Alimentos", "alimentos"), ("Sistemas", "sistemas"),
            ("Construcciones", "construcciones"), ("Energía", "energia"), ("Consultores", "consultores"),
            ("Envases", "envases"), ("Maquinaria", "maquinaria"),
        ],
        forms: &["S.A.", "S.L."],
        positions: &["Dirección de operaciones", "Jefatura de compras", "Gerente comercial"],
    },
    // Italian.
    Culture {
        given: &[
            ("Giulia", "giulia"), ("Niccolò", "niccolo"), ("Chiara", "chiara"), ("Matteo", "matteo"),
            ("Francesca", "francesca"), ("Giosuè", "giosue"), ("Elena", "elena"), ("Lorenzo", "lorenzo"),
            ("Noemi", "noemi"), ("Davide", "davide"), ("Beatrice", "beatrice"), ("Raffaele", "raffaele"),
            ("Martina", "martina"), ("Cesare", "cesare"), ("Ludovica", "ludovica"), ("Tommaso", "tommaso"),
        ],
        family: &[
            ("Rossetti", "rossetti"), ("Bianchi", "bianchi"), ("Ferrara", "ferrara"), ("Marchetti", "marchetti"),
            ("Lombardo", "lombardo"), ("Colombo", "colombo"), ("Ricci", "ricci"), ("Esposito", "esposito"),
            ("Fontana", "fontana"), ("Galli", "galli"), ("Mancuso", "mancuso"), ("Pellegrini", "pellegrini"),
            ("Sartori", "sartori"), ("Vitale", "vitale"), ("Zanetti", "zanetti"), ("Cantù", "cantu"),
        ],
        companies: &[
            ("Valdoro", "valdoro"), ("Monteluce", "monteluce"), ("Acquachiara", "acquachiara"),
            ("Terranova", "terranova"), ("Belvento", "belvento"), ("Ponteverde", "ponteverde"),
            ("Roccaforte", "roccaforte"), ("Solemare", "solemare"),
        ],
        trades: &[
            ("Meccanica", "meccanica"), ("Alimentari", "alimentari"), ("Logistica", "logistica"),
            ("Tessuti", "tessuti"), ("Ottica", "ottica"), ("Sistemi", "sistemi"),
        ],
        forms: &["S.p.A.", "S.r.l."],
        positions: &["Responsabile acquisti", "Direzione vendite", "Ufficio tecnico"],
    },
    // Nordic.
    Culture {
        given: &[
            ("Åsa", "aasa"), ("Søren", "soeren"), ("Ingrid", "ingrid"), ("Bjørn", "bjoern"), ("Märta", "marta"),
            ("Øyvind", "oeyvind"), ("Sigrid", "sigrid"), ("Håkon", "haakon"), ("Freja", "freja"),
            ("Jørgen", "joergen"), ("Linnéa", "linnea"), ("Mikkel", "mikkel"), ("Solveig", "solveig"),
            ("Päivi", "paivi"), ("Göran", "goran"), ("Astrid", "astrid"),
        ],
        family: &[
            ("Ångström", "aangstrom"), ("Sørensen", "soerensen"), ("Lindqvist", "lindqvist"),
            ("Bjørnstad", "bjoernstad"), ("Nyström", "nystrom"), ("Østergaard", "oestergaard"),
            ("Hämäläinen", "hamalainen"), ("Dahlgren", "dahlgren"), ("Kjærgaard", "kjaergaard"),
            ("Sjöberg", "sjoberg"), ("Bråten", "braaten"), ("Virtanen", "virtanen"), ("Strömberg", "stromberg"),
            ("Mæland", "maeland"), ("Holmgren", "holmgren"), ("Nygård", "nygaard"),
        ],
        companies: &[
            ("Nordskär", "nordskar"), ("Fjordheim", "fjordheim"), ("Østhavn", "oesthavn"), ("Björkdal", "bjorkdal"),
            ("Tindra", "tindra"), ("Havbris", "havbris"), ("Sölvvik", "solvvik"), ("Åkerlund", "aakerlund"),
        ],
        trades: &[
            ("Marin", "marin"), ("Skog", "skog"), ("Teknik", "teknik"), ("Fisk", "fisk"), ("Energi", "energi"),
            ("Logistikk", "logistikk"),
        ],
        forms: &["AB", "AS", "A/S", "Oy"],
        positions: &["Inköpschef", "Salgssjef", "Toimitusjohtaja"],
    },
    // Polish and Czech.
    Culture {
        given: &[
            ("Łukasz", "lukasz"), ("Agnieszka", "agnieszka"), ("Małgorzata", "malgorzata"), ("Zdzisław", "zdzislaw"),
            ("Božena", "bozena"), ("Jiří", "jiri"), ("Tereza", "tereza"), ("Wojciech", "wojciech"),
            ("Šárka", "sarka"), ("Ondřej", "ondrej"), ("Grażyna", "grazyna"), ("Mateusz", "mateusz"),
            ("Kateřina", "katerina"), ("Paweł", "pawel"), ("Żaneta", "zaneta"), ("Václav", "vaclav"),
        ],
        family: &[
            ("Wiśniewski", "wisniewski"), ("Kowalczyk", "kowalczyk"), ("Dvořák", "dvorak"),
            ("Zieliński", "zielinski"), ("Čermák", "cermak"), ("Wójcik", "wojcik"), ("Růžička", "ruzicka"),
            ("Szczepański", "szczepanski"), ("Novotný", "novotny"), ("Dąbrowski", "dabrowski"), ("Šimek", "simek"),
            ("Kaźmierczak", "kazmierczak"), ("Pospíšil", "pospisil"), ("Jabłoński", "jablonski"), ("Říha", "riha"),
            ("Mazur", "mazur"),
        ],
        companies: &[
            ("Bursztyn", "bursztyn"), ("Jodła", "jodla"), ("Modrava", "modrava"), ("Srebrna", "srebrna"),
            ("Zlatohor", "zlatohor"), ("Wysoka", "wysoka"), ("Kamenice", "kamenice"), ("Pomorska", "pomorska"),
        ],
        trades: &[
            ("Logistyka", "logistyka"), ("Stroje", "stroje"), ("Systemy", "systemy"), ("Energia", "energia"),
            ("Opakowania", "opakowania"), ("Software", "software"),
        ],
        forms: &["sp. z o.o.", "S.A.", "s.r.o.", "a.s."],
        positions: &["Dyrektor handlowy", "Kierownik zakupów", "Obchodní ředitel"],
    },
    // Turkish.
    Culture {
        given: &[
            ("Ayşe", "ayse"), ("Çağlar", "caglar"), ("Elif", "elif"), ("Gökhan", "gokhan"), ("İpek", "ipek"),
            ("Mustafa", "mustafa"), ("Özge", "ozge"), ("Şükrü", "sukru"), ("Zeynep", "zeynep"), ("Ümit", "umit"),
            ("Defne", "defne"), ("Oğuz", "oguz"), ("Nilüfer", "nilufer"), ("Barış", "baris"), ("Ebru", "ebru"),
            ("Yiğit", "yigit"),
        ],
        family: &[
            ("Yılmaz", "yilmaz"), ("Çelik", "celik"), ("Öztürk", "ozturk"), ("Şahin", "sahin"), ("Doğan", "dogan"),
            ("Güneş", "gunes"), ("Kılıç", "kilic"), ("Aydın", "aydin"), ("Erdoğdu", "erdogdu"), ("Işık", "isik"),
            ("Özdemir", "ozdemir"), ("Tunç", "tunc"), ("Uçar", "ucar"), ("Bozkurt", "bozkurt"), ("Koç", "koc"),
            ("Aslan", "aslan"),
        ],
        companies: &[
            ("Anadolu", "anadolu"), ("Yıldıztepe", "yildiztepe"), ("Boğazkaya", "bogazkaya"),
            ("Gündoğan", "gundogan"), ("Akdeniz", "akdeniz"), ("Çınaraltı", "cinaralti"),
        ],
        trades: &[
            ("Lojistik", "lojistik"), ("Makine", "makine"), ("Tekstil", "tekstil"), ("Enerji", "enerji"),
            ("Yazılım", "yazilim"), ("Gıda", "gida"),
        ],
        forms: &["A.Ş.", "Ltd. Şti."],
        positions: &["Satış Müdürü", "Satın Alma Uzmanı", "Genel Müdür"],
    },
    // Japanese.
    Culture {
        given: &[
            ("太郎", "taro"), ("花子", "hanako"), ("健一", "kenichi"), ("美咲", "misaki"), ("翔太", "shota"), ("陽子", "yoko"),
            ("大輔", "daisuke"), ("由美", "yumi"), ("直樹", "naoki"), ("恵子", "keiko"), ("拓也", "takuya"), ("さくら", "sakura"),
        ],
        family: &[
            ("佐藤", "sato"), ("鈴木", "suzuki"), ("高橋", "takahashi"), ("田中", "tanaka"), ("渡辺", "watanabe"),
            ("伊藤", "ito"), ("山本", "yamamoto"), ("中村", "nakamura"), ("小林", "kobayashi"), ("加藤", "kato"),
            ("吉田", "yoshida"), ("松本", "matsumoto"),
        ],
        companies: &[
            ("北海", "hokkai"), ("桜丘", "sakuragaoka"), ("青葉", "aoba"), ("富士見", "fujimi"), ("若松", "wakamatsu"),
            ("星野", "hoshino"),
        ],
        trades: &[("精機", "seiki"), ("商事", "shoji"), ("物流", "butsuryu"), ("電子", "denshi"), ("製作所", "seisakusho")],
        forms: &["株式会社", "有限会社"],
        positions: &["営業部長", "代表取締役", "購買課長"],
    },
    // Chinese and Korean.
    Culture {
        given: &[
            ("伟", "wei"), ("芳", "fang"), ("秀英", "xiuying"), ("敏", "min"), ("静", "jing"), ("강", "gang"),
            ("지우", "jiwoo"), ("서연", "seoyeon"), ("민준", "minjun"), ("하은", "haeun"), ("杰", "jie"), ("婷", "ting"),
        ],
        family: &[
            ("王", "wang"), ("李", "li"), ("张", "zhang"), ("陈", "chen"), ("刘", "liu"), ("김", "kim"), ("박", "park"),
            ("최", "choi"), ("정", "jung"), ("林", "lin"), ("黃", "huang"), ("赵", "zhao"),
        ],
        companies: &[
            ("东方", "dongfang"), ("长河", "changhe"), ("金桥", "jinqiao"), ("한빛", "hanbit"), ("새벽", "saebyeok"),
            ("云海", "yunhai"),
        ],
        trades: &[("科技", "keji"), ("物流", "wuliu"), ("전자", "jeonja"), ("能源", "nengyuan")],
        forms: &["有限公司", "주식회사"],
        positions: &["销售经理", "总经理", "영업부장"],
    },
    // Greek, Ukrainian and Bulgarian.
    Culture {
        given: &[
            ("Γιώργος", "giorgos"), ("Ελένη", "eleni"), ("Νίκος", "nikos"), ("Κατερίνα", "katerina"),
            ("Дмитро", "dmytro"), ("Оксана", "oksana"), ("Андрій", "andriy"), ("Леся", "lesya"), ("Иван", "ivan"),
            ("Мария", "maria"), ("Стефан", "stefan"), ("Юлія", "yulia"),
        ],
        family: &[
            ("Παπαδόπουλος", "papadopoulos"), ("Νικολαΐδης", "nikolaidis"), ("Γεωργίου", "georgiou"),
            ("Δημητρίου", "dimitriou"), ("Шевченко", "shevchenko"), ("Коваленко", "kovalenko"), ("Бондар", "bondar"),
            ("Ткачук", "tkachuk"), ("Петров", "petrov"), ("Димитрова", "dimitrova"), ("Костов", "kostov"),
            ("Мельник", "melnyk"),
        ],
        companies: &[
            ("Αιγαίο", "aigaio"), ("Ωκεανός", "okeanos"), ("Дніпро", "dnipro"), ("Карпати", "karpaty"),
            ("Балкан", "balkan"),
        ],
        trades: &[
            ("Ναυτιλία", "naftilia"), ("Τεχνική", "techniki"), ("Логістика", "lohistyka"), ("Енерго", "enerho"),
            ("Софт", "soft"),
        ],
        forms: &["Α.Ε.", "ТОВ", "АД"],
        positions: &["Διευθυντής πωλήσεων", "Керівник відділу продажу", "Търговски директор"],
    },
    // Indian and Arabic.
    Culture {
        given: &[
            ("Priya", "priya"), ("Arjun", "arjun"), ("Ananya", "ananya"), ("Rohan", "rohan"), ("Lakshmi", "lakshmi"),
            ("Vikram", "vikram"), ("Meera", "meera"), ("Sanjay", "sanjay"), ("Layla", "layla"), ("Omar", "omar"),
            ("Fatima", "fatima"), ("Yusuf", "yusuf"), ("Nour", "nour"), ("Karim", "karim"), ("Aisha", "aisha"),
            ("Tariq", "tariq"),
        ],
        family: &[
            ("Sharma", "sharma"), ("Iyer", "iyer"), ("Chatterjee", "chatterjee"), ("Nair", "nair"),
            ("Reddy", "reddy"), ("Deshmukh", "deshmukh"), ("Kapoor", "kapoor"), ("Menon", "menon"),
            ("Haddad", "haddad"), ("Al-Masri", "almasri"), ("Khoury", "khoury"), ("Rahman", "rahman"),
            ("Mansour", "mansour"), ("Farouk", "farouk"), ("Ben-Salah", "bensalah"), ("Siddiqui", "siddiqui"),
        ],
        companies: &[
            ("Suryodaya", "suryodaya"), ("Ganga", "ganga"), ("Meridian", "meridian"), ("Al-Noor", "alnoor"),
            ("Sahara", "sahara"), ("Himavat", "himavat"), ("Crescent", "crescent"), ("Palmyra", "palmyra"),
        ],
        trades: &[
            ("Exports", "exports"), ("Technologies", "technologies"), ("Trading", "trading"),
            ("Textiles", "textiles"), ("Pharma", "pharma"), ("Systems", "systems"),
        ],
        forms: &["Pvt. Ltd.", "LLC", "FZE"],
        positions: &["General Manager", "Export Manager", "Regional Director"],
    },
    // Portuguese.
    Culture {
        given: &[
            ("João", "joao"), ("Inês", "ines"), ("Gonçalo", "goncalo"), ("Conceição", "conceicao"),
            ("Thiago", "thiago"), ("Letícia", "leticia"), ("Fábio", "fabio"), ("Mônica", "monica"),
            ("Sérgio", "sergio"), ("Luísa", "luisa"), ("Caetano", "caetano"), ("Débora", "debora"),
            ("Antônio", "antonio"), ("Júlia", "julia"), ("Estêvão", "estevao"), ("Flávia", "flavia"),
        ],
        family: &[
            ("Simões", "simoes"), ("Gonçalves", "goncalves"), ("Araújo", "araujo"), ("Magalhães", "magalhaes"),
            ("Patrício", "patricio"), ("Brandão", "brandao"), ("Guimarães", "guimaraes"), ("Assunção", "assuncao"),
            ("Leitão", "leitao"), ("Figueirêdo", "figueiredo"), ("Quintão", "quintao"), ("Rebêlo", "rebelo"),
            ("Sampaio", "sampaio"), ("Tavares", "tavares"), ("Vilaça", "vilaca"), ("Cordeiro", "cordeiro"),
        ],
        companies: &[
            ("Serrazul", "serrazul"), ("Pedrabranca", "pedrabranca"), ("Marfim", "marfim"), ("Sãobento", "saobento"),
            ("Ipêroxo", "iperoxo"), ("Valverde", "valverde"),
        ],
        trades: &[
            ("Alimentos", "alimentos"), ("Logística", "logistica"), ("Energia", "energia"), ("Máquinas", "maquinas"),
            ("Têxtil", "textil"), ("Sistemas", "sistemas"),
        ],
        forms: &["S.A.", "Ltda."],
        positions: &["Gerente de vendas", "Diretor industrial", "Responsável de compras"],
    },
];
