"""Short forms of given names as people use them, and the name that each stands for.

Only what stands for one name and is seldom a name of its own: Alex may be Alexander or Alexandra, Jan is no Johannes.
"""

_BY_NAME = """
agnieszka: aga
alexander: xander
andreas: andi andy
angelika: geli
anna: anni
anthony: tony
antonio: toni
barbara: babs basia
benjamin: ben benni benny
bernhard: bernd berni
birgit: biggi
brigitte: gitti
catherine: cathy
charles: charlie chuck
charlotte: lotte lotti
christian: chris
christoph: stoffel
daniel: dani danny
david: dave
dieter: didi
dorothea: dorle
edward: ed eddie ted
elisabeth: lisbeth liesl liesel
elizabeth: lizzy betty beth liz
ferdinand: ferdi
francisco: paco pancho
francois: fanfan
friederike: rike fritzi
friedrich: fritz fiete
gabriele: gabi gaby
gerhard: gerd
gunther: gunni
hannah: hanni
heinrich: heiner heinz hein
henriette: jette
herbert: herbie
hildegard: hilde
ignacio: nacho
james: jim jimmy jamie
jennifer: jenny
joachim: jochen achim
johannes: hannes
josef: sepp jupp
jose: pepe
joseph: jo
jurgen: jogi
kathe: kathi
katharina: kathrin katrin
katarzyna: kasia
klaus: klausi
konstantin: konni
leonhard: lenny
ludwig: lutz wiggerl
magdalena: magda
malgorzata: gosia
manfred: manni
margaret: peggy maggie meg
margarete: grete gretel
maria: mitzi
mateusz: mati
matthew: matt
matthias: hias
maximilian: max maxi
mehmet: memo
michal: micha mike mick
monika: moni
nicholas: nick nicky
oliver: olli olly
pamela: pam
patricia: patty trish
peter: pete
philipp: phil
rebecca: becky
reinhard: hardy
renate: reni
richard: dick rick ricky
robert: bob bobby rob robbie
rudolf: rudi
sabine: bine biene
samul: sam sammy
sebastian: basti
siegfried: siggi sigi
stephen: steve
susanne: susi suse
theodor: theo
theresa: resi
thomas: tom tommy
torsten: totte
ulrich: uli ulli
ursula: uschi ursel ursi
veronika: vroni
victoria: vicky
wilhelm: willi willy
william: bill billy will
wolfgang: wolfi
"""

SHORT_FORMS = {
    form: name
    for name, forms in (line.split(": ") for line in _BY_NAME.strip().split("\n"))
    for form in forms.split()
}
"""Name by short form, both in normal form."""
