"""English words whose forms no stemmer brings together: questions say "go" where their answers say "went".

Forms that mean something else as well, such as `saw` and `left`, stand here where the verb is what people mostly say.
"""

from __future__ import annotations

_FORMS = """
be: been being
bear: bore borne
beat: beaten
become: became
begin: began begun
bend: bent
bite: bit bitten
bleed: bled
blow: blew blown
break: broke broken
bring: brought
build: built
burn: burnt
buy: bought
catch: caught
child: children
choose: chose chosen
come: came
creep: crept
deal: dealt
die: died dying dies
dig: dug
draw: drew drawn
dream: dreamt
drink: drank drunk
drive: drove driven
eat: ate eaten
fall: fell fallen
feed: fed
feel: felt
fight: fought
find: found
flee: fled
fly: flew flown
foot: feet
forbid: forbade forbidden
forget: forgot forgotten
forgive: forgave forgiven
freeze: froze frozen
get: got gotten
give: gave given
go: went gone
grow: grew grown
hang: hung
hear: heard
hide: hid hidden
hold: held
keep: kept
knit: knitted
know: knew known
lay: laid
lead: led
lean: leant
learn: learnt
leave: left
lend: lent
lie: lied lying
life: lives
light: lit
lose: lost
make: made
man: men
mean: meant
meet: met
mouse: mice
overcome: overcame
pay: paid
person: people
ride: rode ridden
ring: rang rung
rise: rose risen
run: ran
say: said
see: saw seen
seek: sought
sell: sold
send: sent
sew: sewn
shake: shook shaken
shine: shone
shoot: shot
show: shown
shrink: shrank shrunk
sing: sang sung
sink: sank sunk
sit: sat
sleep: slept
slide: slid
speak: spoke spoken
spell: spelt
spend: spent
spill: spilt
stand: stood
steal: stole stolen
stick: stuck
strike: struck
swear: swore sworn
sweep: swept
swim: swam swum
swing: swung
take: took taken
teach: taught
tear: tore torn
tell: told
think: thought
throw: threw thrown
tooth: teeth
understand: understood
wake: woke woken
wear: wore worn
weep: wept
wife: wives
win: won
woman: women
write: wrote written
"""

BASE = {form: line.partition(":")[0] for line in _FORMS.strip().splitlines() for form in line.partition(":")[2].split()}
"""The base of each irregular form."""
