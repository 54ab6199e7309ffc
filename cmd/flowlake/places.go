package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// dataFlag and credentialsFlag are shared by the server and by the commands that look for it.
func dataFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "data", fromEnv("FLOWLAKE_DATA", defaultData()), "the server's data folder (FLOWLAKE_DATA)")
}

func credentialsFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "credentials", os.Getenv("FLOWLAKE_CREDENTIALS_FILE"),
		"root's key, an AWS shared-credentials file outside the data folder (FLOWLAKE_CREDENTIALS_FILE; default: in your configuration folder)")
}

func fromEnv(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// defaultData is flowlake's folder in the user's data home.
func defaultData() string {
	if home := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "flowlake")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "flowlake")
	}
	return "flowlake-data"
}

func defaultCredentials() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no configuration folder for root's key (%w): give --credentials", err)
	}
	return filepath.Join(dir, "flowlake", "credentials"), nil
}

// calledAs is how the user can call this program: by its name where the shell finds it, else by its path.
func calledAs() string {
	if found, err := exec.LookPath("flowlake"); err == nil && filepath.IsAbs(found) {
		return "flowlake"
	}
	return shellQuote(os.Args[0])
}

// What the server assumes when nothing is said.
const (
	defaultListen  = "127.0.0.1:4566"
	defaultAccount = "123456789012"
	defaultRegion  = "us-east-1"
)

// The server leaves notes in its data folder for the commands of the same user: where it listens,
// its region, and where (outside the folder) root's key is.
const (
	endpointNote    = "endpoint"
	regionNote      = "region"
	credentialsNote = "credentials-file"
)

// writeNote writes a small file whole, or not at all.
func writeNote(dir, name, text string) error {
	tmp := filepath.Join(dir, "."+name+".tmp")
	if err := os.WriteFile(tmp, []byte(text+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

func readNote(dir, name string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(b)), err == nil
}
