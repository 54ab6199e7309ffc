package main

import (
	"os"

	"github.com/spf13/cobra"

	"flowlake/query/duckdb"
)

// workerName is the command that the server starts its query workers with.
const workerName = "worker"

func workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    workerName,
		Short:  "Run one query for the server (the server starts these itself)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return duckdb.Worker(os.Stdin, os.Stdout) },
	}
}
