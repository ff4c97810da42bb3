package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/simdrnn/simdrnn/lstm"
)

// A Config of lstm, gru or rnn is a JSON object of its fields that are not zero, under their
// names in Go. An activation is an object with the name that ONNX has for it and its
// parameters, a Merge a text. Workers belongs to the run and is left out.

// A function is an activation in a file.
type function struct {
	Function   string    `json:"function"`
	Parameters []float32 `json:"parameters,omitempty"`
}

var merges = []lstm.Merge{lstm.Concat, lstm.Sum, lstm.Average, lstm.Multiply}

const workers = "Workers"

// configText returns the text of a Config.
func configText(config any) (json.RawMessage, error) {
	v := reflect.ValueOf(config)
	fields := map[string]any{}
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		if f.IsZero() || name == workers {
			continue
		}
		switch x := f.Interface().(type) {
		case interface{ ONNX() (string, []float32) }:
			name, p := x.ONNX()
			fields[v.Type().Field(i).Name] = function{name, p}
		case fmt.Stringer: // a Merge
			fields[name] = x.String()
		default:
			fields[name] = x
		}
	}
	return json.Marshal(fields)
}

// readConfig sets config, which is a pointer to a Config, to what the text says.
func readConfig(place string, text json.RawMessage, config any) error {
	fields := map[string]json.RawMessage{}
	if err := strictly(text, &fields); err != nil {
		return &Error{place, `its "config" is no object`, err}
	}
	v := reflect.ValueOf(config).Elem()
	for name, text := range fields {
		f := v.FieldByName(name)
		if !f.IsValid() || name == workers {
			return refuse(place, `its "config" has %s, which is no field of %v that a file keeps`, short(name), v.Type())
		}
		if err := readField(text, f); err != nil {
			return &Error{place, fmt.Sprintf(`%s in its "config" is %s`, name, short(string(text))), err}
		}
	}
	return nil
}

func readField(text json.RawMessage, to reflect.Value) error {
	switch to.Interface().(type) {
	case interface{ ONNX() (string, []float32) }:
		var f function
		if err := strictly(text, &f); err != nil {
			return err
		}
		a, err := f.activation()
		if err != nil {
			return err
		}
		to.Set(reflect.ValueOf(a).Convert(to.Type()))
		return nil
	case fmt.Stringer:
		var name string
		if err := strictly(text, &name); err != nil {
			return err
		}
		for _, m := range merges {
			if m.String() == name {
				to.SetInt(int64(m))
				return nil
			}
		}
		return fmt.Errorf("want one of %v", merges)
	}
	return strictly(text, to.Addr().Interface())
}

// activation returns the activation of layers.
func (f function) activation() (a lstm.Activation, err error) {
	p := append(append([]float32{}, f.Parameters...), 0, 0)
	parameters := 0
	switch f.Function {
	case "Tanh":
		a = lstm.Tanh
	case "Relu":
		a = lstm.ReLU
	case "Sigmoid":
		a = lstm.Sigmoid
	case "Softsign":
		a = lstm.Softsign
	case "Softplus":
		a = lstm.Softplus
	case "LeakyRelu":
		a, parameters = lstm.LeakyReLU(p[0]), 1
	case "ThresholdedRelu":
		a, parameters = lstm.ThresholdedReLU(p[0]), 1
	case "Elu":
		a, parameters = lstm.ELU(p[0]), 1
	case "Affine":
		a, parameters = lstm.Affine(p[0], p[1]), 2
	case "ScaledTanh":
		a, parameters = lstm.ScaledTanh(p[0], p[1]), 2
	case "HardSigmoid":
		a, parameters = lstm.HardSigmoid(p[0], p[1]), 2
	default:
		return a, fmt.Errorf("there is no function %s, want a name that ONNX has for an activation of recurrent layers", short(f.Function))
	}
	return a, f.has(parameters)
}

func (f function) has(parameters int) error {
	if len(f.Parameters) != parameters {
		return fmt.Errorf("%d parameters of the function %s, want %d", len(f.Parameters), f.Function, parameters)
	}
	return nil
}

// strictly decodes a text that has nothing but what v has.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err == nil || d.More() {
		return fmt.Errorf("more follows the end of the JSON")
	}
	return nil
}
