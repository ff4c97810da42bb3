package data

import "github.com/simdrnn/simdrnn/internal/nilcheck"

// The types below share their methods. An embedded part cannot see that the whole is nil.

// Next implements Source. After an error of reading the position is what it was before.
func (d *Text) Next(b *Batch) error {
	if d == nil {
		return nilcheck.Receiver("data", "Text", "Next")
	}
	return d.memory.Next(b)
}

// Rewind implements Source.
func (d *Text) Rewind() error {
	if d == nil {
		return nilcheck.Receiver("data", "Text", "Rewind")
	}
	return d.memory.Rewind()
}

// SetSeparator says that the symbol id stands between documents: a row begins anew
// (Batch.Resets) at each step that it is the input of. -1, the default, is for none: then the
// state goes on. It is no part of a position: set it for a run that is resumed too. It returns
// an error if id is below -1.
func (d *Text) SetSeparator(id int32) error {
	if d == nil {
		return nilcheck.Receiver("data", "Text", "SetSeparator")
	}
	return d.memory.SetSeparator(id)
}

// MarshalBinary returns the position.
func (d *Text) MarshalBinary() ([]byte, error) {
	if d == nil {
		return nil, nilcheck.Receiver("data", "Text", "MarshalBinary")
	}
	return d.memory.MarshalBinary()
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position in another
// text, or for another number of streams, is an error.
func (d *Text) UnmarshalBinary(b []byte) error {
	if d == nil {
		return nilcheck.Receiver("data", "Text", "UnmarshalBinary")
	}
	return d.memory.UnmarshalBinary(b)
}

// Next implements Source. After an error of reading the position is what it was before.
func (d *Tokens) Next(b *Batch) error {
	if d == nil {
		return nilcheck.Receiver("data", "Tokens", "Next")
	}
	return d.memory.Next(b)
}

// Rewind implements Source.
func (d *Tokens) Rewind() error {
	if d == nil {
		return nilcheck.Receiver("data", "Tokens", "Rewind")
	}
	return d.memory.Rewind()
}

// SetSeparator says that the symbol id stands between documents: a row begins anew
// (Batch.Resets) at each step that it is the input of. -1, the default, is for none: then the
// state goes on. It is no part of a position: set it for a run that is resumed too. It returns
// an error if id is below -1.
func (d *Tokens) SetSeparator(id int32) error {
	if d == nil {
		return nilcheck.Receiver("data", "Tokens", "SetSeparator")
	}
	return d.memory.SetSeparator(id)
}

// MarshalBinary returns the position.
func (d *Tokens) MarshalBinary() ([]byte, error) {
	if d == nil {
		return nil, nilcheck.Receiver("data", "Tokens", "MarshalBinary")
	}
	return d.memory.MarshalBinary()
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position in another
// text, or for another number of streams, is an error.
func (d *Tokens) UnmarshalBinary(b []byte) error {
	if d == nil {
		return nilcheck.Receiver("data", "Tokens", "UnmarshalBinary")
	}
	return d.memory.UnmarshalBinary(b)
}

// Next implements Source. After an error of reading the position is what it was before.
func (d *Stream) Next(b *Batch) error {
	if d == nil {
		return nilcheck.Receiver("data", "Stream", "Next")
	}
	return d.streams.Next(b)
}

// Rewind implements Source.
func (d *Stream) Rewind() error {
	if d == nil {
		return nilcheck.Receiver("data", "Stream", "Rewind")
	}
	return d.streams.Rewind()
}

// SetSeparator says that the symbol id stands between documents: a row begins anew
// (Batch.Resets) at each step that it is the input of. -1, the default, is for none: then the
// state goes on. It is no part of a position: set it for a run that is resumed too. It returns
// an error if id is below -1.
func (d *Stream) SetSeparator(id int32) error {
	if d == nil {
		return nilcheck.Receiver("data", "Stream", "SetSeparator")
	}
	return d.streams.SetSeparator(id)
}

// MarshalBinary returns the position.
func (d *Stream) MarshalBinary() ([]byte, error) {
	if d == nil {
		return nil, nilcheck.Receiver("data", "Stream", "MarshalBinary")
	}
	return d.streams.MarshalBinary()
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position in another
// text, or for another number of streams, is an error.
func (d *Stream) UnmarshalBinary(b []byte) error {
	if d == nil {
		return nilcheck.Receiver("data", "Stream", "UnmarshalBinary")
	}
	return d.streams.UnmarshalBinary(b)
}

// Rewind implements Source: the order of the epoch stays.
func (d *Sequences) Rewind() error {
	if d == nil {
		return nilcheck.Receiver("data", "Sequences", "Rewind")
	}
	return d.pool.Rewind()
}

// Rewind implements Source: the order of the epoch stays.
func (d *Pairs) Rewind() error {
	if d == nil {
		return nilcheck.Receiver("data", "Pairs", "Rewind")
	}
	return d.order.Rewind()
}
