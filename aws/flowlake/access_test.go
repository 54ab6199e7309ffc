package flowlake

import "testing"

func TestEntityOf(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:sts::123456789012:assumed-role/r/session":   "arn:aws:iam::123456789012:role/r",
		"arn:aws:sts::123456789012:assumed-role/r/a/b":       "arn:aws:iam::123456789012:role/r",
		"arn:aws:sts::123456789012:assumed-role/":            "arn:aws:sts::123456789012:assumed-role/",
		"arn:aws:sts::123456789012:federated-user/f":         "arn:aws:sts::123456789012:federated-user/f",
		"arn:aws:iam::123456789012:user/assumed-role/r/name": "arn:aws:iam::123456789012:user/assumed-role/r/name",
		"arn:aws:iam::123456789012:root":                     "arn:aws:iam::123456789012:root",
		"arn:aws:sts":                                        "arn:aws:sts",
	} {
		if got := entityOf(arn); got != want {
			t.Errorf("%s: got %s, want %s", arn, got, want)
		}
	}
}
