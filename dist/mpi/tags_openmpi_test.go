//go:build !mpich

package mpi_test

const tags = "mpi"
