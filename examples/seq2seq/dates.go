package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/data"
)

// isoLayout is how the right answer is written.
const isoLayout = "2006-01-02"

// The days are those of 1900 to 2099, counted from the first.
var (
	firstDay = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	allDays  = int(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Sub(firstDay) / (24 * time.Hour))
)

// forms write a day, as people do. Those with strokes have the month first, those with
// points the day.
var forms = []func(d time.Time) string{
	layout("1/2/2006"), layout("01/02/2006"), layout("2.1.2006"), layout("02.01.2006"),
	layout("January 2, 2006"), layout("2 January 2006"), layout("Jan 2 2006"), layout("02-Jan-2006"),
	layout("Monday, January 2, 2006"), layout("Mon 2 Jan 2006"),
	func(d time.Time) string {
		return lower(d.Format("January ")) + fmt.Sprint(d.Day()) + suffix(d.Day()) + d.Format(", 2006")
	},
	func(d time.Time) string {
		return "the " + fmt.Sprint(d.Day()) + suffix(d.Day()) + " of " + lower(d.Format("January 2006"))
	},
	func(d time.Time) string {
		return lower(d.Format("January ")) + ordinal(d.Day()) + " " + year(d.Year())
	},
	func(d time.Time) string {
		return "the " + ordinal(d.Day()) + " of " + lower(d.Format("January ")) + year(d.Year())
	},
	func(d time.Time) string {
		return lower(d.Format("Monday, 2 January ")) + year(d.Year())
	},
}

// layouts are the forms that package time can read.
var layouts = []string{
	"1/2/2006", "2.1.2006", "January 2, 2006", "2 January 2006", "Jan 2 2006", "02-Jan-2006",
	"Monday, January 2, 2006", "Mon 2 Jan 2006",
}

func layout(l string) func(time.Time) string {
	return func(d time.Time) string { return lower(d.Format(l)) }
}

func lower(s string) string { return strings.ToLower(s) }

// parsed is the answer of the baseline: what package time makes of a text, "" if it cannot
// read it.
func parsed(text string) string {
	for _, l := range layouts {
		if d, err := time.Parse(l, text); err == nil {
			return d.Format(isoLayout)
		}
	}
	return ""
}

// suffix is what stands after the number of a day.
func suffix(day int) string {
	switch {
	case day/10 == 1:
	case day%10 == 1:
		return "st"
	case day%10 == 2:
		return "nd"
	case day%10 == 3:
		return "rd"
	}
	return "th"
}

var (
	ones = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	tens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
	// ordinals are those that are no number with "th" behind.
	ordinals = map[int]string{1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth", 20: "twentieth", 30: "thirtieth"}
)

// number writes 0 to 99 in words.
func number(n int) string {
	switch {
	case n < 20:
		return ones[n]
	case n%10 == 0:
		return tens[n/10]
	}
	return tens[n/10] + "-" + ones[n%10]
}

// ordinal writes the place of a day in words.
func ordinal(day int) string {
	if o := ordinals[day]; o != "" {
		return o
	}
	if day > 20 {
		return tens[day/10] + "-" + ordinal(day%10)
	}
	return ones[day] + "th"
}

// year writes a year in words, as one says it.
func year(y int) string {
	century, rest := y/100, y%100
	switch {
	case y == 2000:
		return "two thousand"
	case century == 20 && rest < 10:
		return "two thousand and " + number(rest)
	case rest == 0:
		return number(century) + " hundred"
	case rest < 10:
		return number(century) + " oh " + number(rest)
	}
	return number(century) + " " + number(rest)
}

// An example is a day as it is written and as the program is to write it.
type example struct{ text, iso string }

// draw writes n days, each in a form that is drawn.
func draw(days []int, n int, r *rand.Rand) []example {
	examples := make([]example, n)
	for i := range examples {
		d := firstDay.AddDate(0, 0, days[r.IntN(len(days))])
		examples[i] = example{forms[r.IntN(len(forms))](d), d.Format(isoLayout)}
	}
	return examples
}

// parts are the examples. No day is in two of them.
type parts struct{ train, valid, test []example }

func newParts(train, held int, seed uint64) (parts, error) {
	days := make([]int, allDays)
	for i := range days {
		days[i] = i
	}
	p, err := data.Split(days, rand.NewPCG(seed, 10), 8, 1, 1)
	if err != nil {
		return parts{}, err
	}
	r := rand.New(rand.NewPCG(seed, 11))
	return parts{draw(p[0], train, r), draw(p[1], held, r), draw(p[2], held, r)}, nil
}

// characters is all that stands in dates.
const characters = "abcdefghijklmnopqrstuvwxyz0123456789 ,.-/"

// newVocabulary returns the characters, and the symbols around an answer.
func newVocabulary() (*data.Vocabulary, error) {
	return data.NewVocabulary(data.Runes(characters), data.VocabularyConfig{Begin: "<s>", End: "</s>"})
}

// pairs returns the ids of examples.
func pairs(v *data.Vocabulary, examples []example) ([]data.Pair, error) {
	p := make([]data.Pair, len(examples))
	for i, e := range examples {
		var err error
		if p[i].IDs, err = v.Encode(nil, data.Runes(e.text)); err != nil {
			return nil, fmt.Errorf("%q: %w", e.text, err)
		}
		if p[i].Target, err = v.Encode(nil, data.Runes(e.iso)); err != nil {
			return nil, err
		}
	}
	return p, nil
}
