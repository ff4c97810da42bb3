package main

import (
	"math"
	"math/rand/v2"
)

// phrase is the number of steps of a phrase.
const phrase = 8

// major is a major scale in semitones above the tonic.
var major = [...]int{0, 2, 4, 5, 7, 9, 11}

// The degrees of the scale that phrases begin and end with.
const (
	tonic    = 0
	dominant = 4
)

// follows are the chords that come after a chord, by the degrees of their roots, each as often
// as it is listed.
var follows = [...][]int{
	{3, 3, 3, 4, 4, 5, 5, 1},
	{4, 4, 4, 3},
	{5, 5, 3, 3},
	{0, 1, 1, 4, 4, 4},
	{0, 0, 0, 5, 5, 2},
	{1, 1, 3, 3, 2, 4},
}

// A position is where a piece is.
type position struct {
	at          int // steps before it
	key, degree int // of the last chord
	top         int // its highest note
}

// A way is how a piece may go on: a chord, and how often it comes among all ways.
type way struct {
	position
	weight int
}

// ways are how a piece may go on. The first chord tells the key. A chord that follows another
// one several times in the table is in the list as often.
func (p position) ways() (list []way) {
	keys, degrees := []int{p.key}, follows[p.degree]
	switch p.at % phrase {
	case 0, phrase - 1:
		degrees = []int{tonic}
	case phrase - 2:
		degrees = []int{dominant}
	}
	if p.at == 0 {
		keys = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	}
	for _, key := range keys {
		for _, degree := range degrees {
			next := position{at: p.at + 1, key: key, degree: degree}
			nearest := -1
			for third := range 3 {
				next.top = highestNote(key, degree+2*third)
				list = append(list, way{next, 1})
				if nearest < 0 || distance(next.top, p.top) < distance(list[nearest].top, p.top) {
					nearest = len(list) - 1
				}
			}
			if p.at > 0 {
				list[nearest].weight = 4
			}
		}
	}
	return list
}

func distance(a, b int) int { return max(a-b, b-a) }

// The ranges of bass and highest voice are an octave each, and begin here.
const (
	bassFrom = 43
	topFrom  = 67
)

// tone is the pitch of a degree of the scale, an octave up for each seven degrees.
func tone(key, degree int) int { return key + major[degree%7] + 12*(degree/7) }

// within puts a pitch into the octave that begins at from.
func within(pitch, from int) int { return from + ((pitch-from)%12+12)%12 }

func highestNote(key, degree int) int { return within(tone(key, degree), topFrom) }

// chord is the notes of the last chord, upwards: the root, then the triad, close below its
// highest note.
func (p position) chord() []int {
	list := []int{within(tone(p.key, p.degree), bassFrom), 0, 0, p.top}
	for n, at := p.top-1, 2; at > 0; n-- {
		for third := range 3 {
			if (n-tone(p.key, p.degree+2*third))%12 == 0 {
				list[at] = n
				at--
			}
		}
	}
	return list
}

// A composed piece knows the negative log-likelihood, summed over its steps, of the one who knows
// the rule and tells each note by itself.
type composed struct {
	steps piece
	nats  float64
}

// compose makes a piece.
func compose(r *rand.Rand) (c composed) {
	p := position{top: topFrom}
	for range phrase * (4 + r.IntN(5)) {
		list := p.ways()
		all := 0
		for _, w := range list {
			all += w.weight
		}
		var sounds [notes]float64 // how often each note comes, of all
		drawn, next := r.IntN(all), -1
		for i, w := range list {
			if drawn >= 0 {
				next = i
			}
			drawn -= w.weight
			for _, n := range w.chord() {
				sounds[n-lowest] += float64(w.weight)
			}
		}
		p = list[next].position
		chord := p.chord()
		for _, n := range chord {
			c.nats -= math.Log(sounds[n-lowest] / float64(all))
			sounds[n-lowest] = 0 // those that are left do not sound
		}
		for _, s := range sounds {
			c.nats -= math.Log1p(-s / float64(all))
		}
		c.steps = append(c.steps, chord)
	}
	return c
}
