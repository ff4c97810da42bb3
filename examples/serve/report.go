package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/kernels"
)

// page is load.html.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>serve: throughput and times</title>
<style>
body { font-family: sans-serif; max-width: 80em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: .3em .8em; text-align: right; }
img { max-width: 100%; }
</style>
<h1>serve: throughput and times</h1>
<p>{{.About}}</p>
<p><img alt="throughput and times over the number of clients" src="{{.Picture}}"></p>
<table>
<tr><th>batches of<th>clients<th>symbols a second<th>sessions in a batch<th>median of a text, ms<th>99 % of texts, ms</tr>
{{range .Rows}}<tr><td>{{.Batch}}<td>{{.Clients}}<td>{{printf "%.0f" .Speed}}<td>{{printf "%.1f" .Rows}}<td>{{printf "%.2f" .Half}}<td>{{printf "%.2f" .Most}}</tr>
{{end}}</table>
</html>
`))

// report prints what was measured, and writes the table, the picture and the page.
func report(o *options, m *model, all []measured, stdout io.Writer) error {
	about := fmt.Sprintf("%s, %v, %d CPUs that the server and its clients share, %s; a text has %d symbols, in lines of %d. Each client got the text that the model gives alone.",
		m, kernels.Current(), runtime.GOMAXPROCS(0), time.Now().UTC().Format(time.DateOnly), loadCount, loadPiece)
	var csv bytes.Buffer
	fmt.Fprintln(&csv, "batch,clients,symbols per second,sessions in a batch,median ms of a text,99 % ms of a text")
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "batches of\tclients\tsymbols/s\tin a batch\tms of a text\t99 % of texts\t")
	speed := chart.Panel{Title: "Throughput", X: "clients", Y: "symbols a second"}
	times := chart.Panel{Title: fmt.Sprintf("Time of a text of %d symbols", loadCount), X: "clients", Y: "ms", Log: true}
	for i, r := range all {
		fmt.Fprintf(&csv, "%d,%d,%.1f,%.3f,%.4f,%.4f\n", r.Batch, r.Clients, r.Speed, r.Rows, r.Half, r.Most)
		fmt.Fprintf(table, "%d\t%d\t%.0f\t%.1f\t%.2f\t%.2f\t\n", r.Batch, r.Clients, r.Speed, r.Rows, r.Half, r.Most)
		if i == 0 || r.Batch != all[i-1].Batch {
			name := fmt.Sprintf("batches of %d", r.Batch)
			if r.Batch == 1 {
				name = "no batches"
			}
			speed.Curves = append(speed.Curves, chart.Curve{Name: name, X: []float64{0}, Y: []float64{0}}) // so that the scale begins at 0
			times.Curves = append(times.Curves, chart.Curve{Name: name + ", median"}, chart.Curve{Name: name + ", 99 %"})
		}
		add(&speed.Curves[len(speed.Curves)-1], r.Clients, r.Speed)
		add(&times.Curves[len(times.Curves)-2], r.Clients, r.Half)
		add(&times.Curves[len(times.Curves)-1], r.Clients, r.Most)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	picture := filepath.Join(o.out, "load.png")
	err := chart.Write(picture, speed, times)
	var png []byte
	if err == nil {
		png, err = os.ReadFile(picture)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(o.out, "load.csv"), csv.Bytes(), 0o666)
	}
	var html bytes.Buffer
	if err == nil {
		err = page.Execute(&html, struct {
			About   string
			Picture template.URL
			Rows    []measured
		}{about, template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)), all})
	}
	name := filepath.Join(o.out, "load.html")
	if err == nil {
		err = os.WriteFile(name, html.Bytes(), 0o666)
	}
	if err != nil {
		return fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	_, err = fmt.Fprintf(stdout, "%s\ndrawn in %s and %s\n", about, picture, name)
	return err
}

func add(c *chart.Curve, x int, y float64) {
	c.X, c.Y = append(c.X, float64(x)), append(c.Y, y)
}
