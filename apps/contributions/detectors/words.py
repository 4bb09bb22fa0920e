"""Words that look like names and are none, or not always. Written by hand; all case folded."""

from typing import Final

from apps.contributions.detectors.base import word_set

# Given names that are also words, months, days or places: alone they need a cue, a surname or a neighbour.
AMBIGUOUS: Final = word_set("""
    constance claude gemma mistral abril alba alma alta amber an anders angel april aria art ash aspen august aurora
    autumn ava basil bas beat beau bell berry bill blanca blaze blessing blue bo bonny brandy brook brooks buddy bud
    can candy cara carol case cash cat chance charity chase chat che cherry chip christian clay cliff coco comfort
    constant coral crystal dag daisy dale dan dawn dean del delta demi destiny dev diamond dick dom don donna dot drew
    duke durante earl ease echo eden edit elif ella else ember eta fabian fancy faith fay fern fleur flora floor
    forest france frank fred gale gay gem gene genesis german ginger glory golden good grace grant gray grey gun guy
    hank harm harmony harper haven hazel heath heather heaven holly honey hope hunter ida indie iris ivory ivy jade
    jasmine jasper jet jewel job joke joy juan jules juni june junior justice kai kaiser kay kent kick king kit lady
    lance lane lark laurel lavender lea lean legend levi lex lien lies lily line loan lone lot lotta lotte love luce
    lucky luna lux luz mad magnolia major man mar marble mare margarita mario marine mark marvel mason massimo mate
    max may meadow melody mercedes mercy merit merry messiah meta mile miles mille mina mio miracle misty monday my
    myrtle nada nail nelson newton noble nova oak ocean odd odessa olive om opal owe page paloma parker patience paul
    paz peace pearl peer penny per pero pet peter petunia phoenix piper pierre poppy porter precious prince princess
    prudence queen rain raven ray reagan red reed reese remedy rex rich river robin rock rocky roman rosa rose
    rosemary rosie rowan royal ruby rush rusty ruth sad sage said salud sandy sander savannah scarlett scout sep
    server serena serenity shade shadow shelby sherry signe sienna silver sine skip sky skye sol sole sonny sonora
    spencer spring stan star stein stella steel sterling stone storm sue summer sunday sunny sunshine tage tan tanner
    tawny taylor tea teal temple terry tiger tilde till tone toma trace trinity tristan troy true tuesday tyme unique
    una uno us vale valentine van veer velvet vera verde verity vide viola violet virgil vito wade walker ward warren
    wednesday wells west whisper will willow winner winter wolf wood worth wren wynn young zen zion paris london
    florence sydney austin jordan virginia carolina georgia charlotte victoria chelsea brooklyn madison dallas denver
    lincoln houston milan vienna verona siena roma adelaide alexandria lorraine devon dakota montana memphis orlando
    carson cairo india asia africa china israel ireland kenya america américa italia holland lourdes regina salem
    santiago trinidad tyrone vincennes wellington windsor york essen bergen nice lille nancy medina manila malta
    cyprus geneva cologne bonn kiel ulm halle celle siegen melle domingo domenica belen jerusalem jack harry mary
    martin ford gibson harley jeep tesla calvin tommy ralph wendy lego alexa siri cortana carter siti lage anda alla
    abbi essi hanno bent einer lina jos dany bora ada maja perl julia scala jenkins gradle maven marguerite perla
    gioia grazia speranza esperanza consuelo dolores pilar soledad nieves concepción cruz angeles rocío vega amparo
    remedios milagros socorro hammer koch ernst kurt lang hart linde erika heide
""")

# Of these only the calendar and the map: a preposition before them says nothing.
PLACES_AND_TIMES: Final = word_set("""
    constance april may june august abril juni mai summer autumn winter spring sunday monday tuesday wednesday paris
    london florence sydney austin jordan virginia carolina georgia charlotte victoria chelsea brooklyn madison dallas
    denver lincoln houston milan vienna verona siena roma adelaide alexandria lorraine devon dakota montana memphis
    orlando phoenix carson cairo india asia africa china israel ireland kenya america américa italia holland lourdes
    regina salem santiago savannah trinidad troy tyrone wellington windsor york essen bergen nice lille nancy medina
    manila malta cyprus geneva cologne bonn kiel ulm halle celle domingo domenica kent nelson france german mercedes
    ford gibson tesla lego alexa siri cortana
""")

# Words with a capital letter that follow a greeting, a title or "I'm", and words behind a name: never (part of) one.
NO_NAMES: Final = word_set("""
    atm atms we’ve we’re grant gib pin pins us uk eu nino santa bible town id url api app faq sms vat bic json csv pdf
    a about above account accounts address admin administrator after again agent all also am an and any anyone are as
    at august assistant author back bank be because been best bonjour booking both but buongiorno by bye call can card
    cardholder care cc cheers client clients code company contact could customer customers danke de dear december did
    do does done dr each either email english error evening even every everybody everyone expert february few first
    folks for friday friend friends from gentlemen german germany good goodbye got great greetings guests guys had has
    hallo have he hello help her here hey hi his hola how however human i if in info is it its january july just kind
    kindly ladies last later let lord lot maam madam male man manager march me merci message monday more morning most
    mr mrs ms my name names need neighbour new next night no nobody none not note november now nurse october of off ok
    okay on once one only operator or order orders other our out over people personal phone please preferences product
    question re regarding regards reply same saturday section see seller sender september service shall she should
    sincerely sir sirs so some someone sorry staff still subject such summer sunday support system team thank thanks
    that the their them then there these they this those thursday to today tomorrow tuesday unknown up user users very
    visitor was wednesday we welcome well were what when where which while who whoever whom why winter wir with world
    would yes yesterday you your yours father mother time nature bot inc ltd llc gmbh ag kg plc street road avenue
    lane angry ridiculous vegan irish french spanish italian american british damen herren kunde kunden kundin
    kollegen freunde freund zusammen alle alles ihr ihre ihnen sie er es ich du mein meine dein deine unser unsere der
    die das den dem des ein eine einer eines und oder aber nicht kein keine heute morgen gestern hier dort bitte dank
    vielen viele grüße gruß mit von vom zu zum zur bei beim für auf aus nach seit über unter vor wegen wie wer wo wann
    warum wenn weil dass frau herr herrn ober firma rechnung nummer adresse welt liebe lieber guten tag abend januar
    februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag madame
    monsieur mademoiselle messieurs mesdames tous toutes tout le la les un une et ou mais pas je tu il elle nous vous
    ils elles ce cette ces mon ma mes votre vos notre nos cliente équipe cher chère señor señora señores señoras todos
    todas el los las una y o pero yo usted ustedes nosotros equipo signore signora signori signor tutti tutte lo gli
    uno e non io lei lui noi voi loro hero pricing page button home menu search settings profile save terminal screen
    website machine letter text sign dialog popup label title browser tool report law rumour legend history science
""")

# Small words by which a text shows that it is German, where every noun has a capital letter.
GERMAN: Final = word_set("""
    und der die das ich nicht ist mit auf für ein eine bitte wir haben sie den dem im am bei von zu wie mein meine
    unser heißt hat
""")

# Surnames that are also ordinary words: one of them behind an ambiguous given name proves nothing.
COMMON_SURNAMES: Final = word_set("""
    auch ball bath beer bell best bird black block boon branch brand brick bridge bright broek bruder buch camp car
    carry case church clear close comment company cook cross date day deep doctor early english fair fall farmer fee
    field foot forget fresh glass good grand green grey hall hay held hell hill hook house judge jung key king kiss
    klein kopf kort kosten kurz lang lange lassen law lie list little london long love low loyal major mall man mann
    marry master mate mayor merchant miles more mountain nail north nur page park parent paper porter post power price
    priest prince put rush reader read real reich rice rich ring rock room sellers seven sharp short singer small
    smart snow spain stark stock storm story street strong swift tank weeks were wall water way west white wild winter
    wise wood york young zimmer steel stone ford gibson state states spieth boots shoes river rail drive line square
""")

# Small words inside surnames.
PARTICLES: Final = word_set("""
    van von vom zu zur de da do dos das del della di du la le den der ter ten bin ibn al el y
""")

# What stands before a name, and is none.
TITLES: Final = word_set("""
    mr mrs ms miss mx dr prof professor doctor captain herr herrn frau fräulein familie m mme mlle monsieur madame sr
    sra srta señora señor don doña sig signora signor dott dottor dottoressa uncle aunt aunty onkel tante zio zia tía
    tío nachbar nachbarin kundin kollegin madam nurse judge user coach old
""")

# What companies end in.
LEGAL_FORMS: Final = word_set("""
    gmbh mbh ggmbh ag kgaa kg ohg ug gbr partg eg se ltd limited inc incorporated llc llp pllc plc lp corp corporation
    sas sarl sa sl spa srl bv nv oy oyj ab aps as asa kft ltda lda cooperative co s a r l p b v n c e z o
""")
