"""Words that say how a line is meant, in the languages that people write most here. Short lists, on purpose: a message
that is missed stays, and a person sees it."""

# What somebody is rather than what they are called: a speaker even on a single line.
_ROLES = """
user assistant bot chatbot customer agent client human ai support advisor operator interviewer interviewee
visitor patient doctor teacher student me q a kunde kundin berater beraterin mitarbeiter mitarbeiterin nutzer
nutzerin assistent assistentin cliente agente usuario asistente utilisateur conseiller conseillère utente
assistente klant medewerker
"""
ROLES = frozenset(_ROLES.split())

# What stands before a colon and never speaks.
_NEVER_SPEAKERS = """
note notes nb n.b ps p.s re fw fwd aw wg subject from to cc bcc date time sent received warning caution hint
tip tips example examples e.g i.e http https ftp mailto www todo attention important address phone tel email
e-mail fax price total summary source sources title name hinweis achtung betreff von an datum uhrzeit beispiel
adresse telefon preis summe zusammenfassung quelle wichtig nota notas asunto fecha hora ejemplo importante
remarque objet heure exemple oggetto data ora esempio assunto exemplo opmerking onderwerp voorbeeld
"""
NEVER_SPEAKERS = frozenset(_NEVER_SPEAKERS.split())

# Speakers that answer for a machine or a company: where exactly one of a file's speakers is one, it is the persona.
_ANSWERING = """
assistant bot chatbot agent ai gpt model support advisor operator berater beraterin mitarbeiter mitarbeiterin
assistent assistentin agente asistente conseiller conseillère assistente medewerker
"""
ANSWERING = frozenset(_ANSWERING.split())

# Greetings, thanks and goodbyes, one a line.
_SMALL_TALK = """
hello|hi|hey|hiya|howdy|greetings|welcome|good (?:morning|afternoon|evening|night|day)|how are you(?: doing)?
how do you do|nice to (?:meet|see|hear from) you|i am (?:fine|good|well|great)|i'm (?:fine|good|well|great)|what's up
thanks|thank you|many thanks|you're welcome|you are welcome|no problem|my pleasure|don't mention it|cheers
bye|goodbye|good bye|see you|see ya|talk to you|speak to you|take care|farewell|so long
have a (?:nice|good|great|lovely|wonderful) (?:day|evening|night|weekend|afternoon|morning|one|time)
hallo|moin|servus|grüezi|grüß (?:gott|dich)|guten (?:morgen|tag|abend)|gute nacht|wie geht(?:'s| es)(?: dir| ihnen)?
mir geht(?:'s| es) gut|danke|dankeschön|vielen dank|herzlichen dank|bitte|bitteschön|gern(?:e)? geschehen|kein problem
tschüss|tschüs|ciao|auf wiedersehen|auf wiederhören|bis (?:bald|dann|später|morgen)|mach's gut
(?:einen )?schönen? (?:tag|abend|wochenende)(?: noch)?
bonjour|bonsoir|salut|coucou|bonne (?:journée|soirée|nuit)|comment (?:allez-vous|vas-tu|ça va)|ça va|merci|de rien
au revoir|à (?:bientôt|demain|plus tard|plus)|je vous en prie
hola|buenos días|buenas (?:tardes|noches)|buenas|qué tal|cómo (?:estás|está)
gracias|de nada|adiós|hasta (?:luego|pronto|mañana)|que tengas? (?:un )?buen día|nos vemos
buongiorno|buonasera|buonanotte|salve|come (?:stai|sta|va)|grazie|prego|arrivederci
a (?:presto|domani|dopo)|buona giornata
olá|oi
bom dia|boa (?:tarde|noite)|tudo bem|como (?:vai|está)|obrigad[oa]
tchau|até (?:logo|breve|amanhã)
hoi|goedemorgen|goedemiddag|goedenavond|goedendag|hoe gaat het(?: met (?:je|u))?|dank (?:je|u)|bedankt|graag gedaan
doei|tot (?:ziens|straks|morgen)|fijne (?:dag|avond)
cześć|dzień dobry|dobry wieczór|dziękuję|do widzenia|na razie|merhaba|selam|teşekkürler|görüşürüz|iyi günler
привет|здравствуйте|добрый (?:день|вечер)|доброе утро|спасибо|пожалуйста|до свидания|пока
안녕하세요|감사합니다
"""
SMALL_TALK = "|".join(_SMALL_TALK.split("\n")[1:-1])  # a regular expression, for whole words
UNSPACED_SMALL_TALK = "你好|您好|谢谢|再见|こんにちは|ありがとうございます|ありがとう|さようなら"

# What small talk is padded with.
_PADDING = """
a and again all also am are as at be dear for guys i is it just later lot much my of oh ok okay on please so
soon that the then there to today too very well with yes you your friend sir madam everyone everybody auch dir
dann denn doch du euch gut heute ihnen ja liebe lieber mal noch nochmal sehr sie so und wünsche ich ihr à
aussi et beaucoup bien très vous toi y también muy mucho muchas tú usted bien e anche molto grande mille tanto
te lei muito também você en ook heel veel jou u
"""
PADDING = frozenset(_PADDING.split())
