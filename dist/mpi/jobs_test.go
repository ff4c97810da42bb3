package mpi_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// An mpiJob has the fields of an MPIJob that pkg/apis/kubeflow/v2beta1/types.go of
// github.com/kubeflow/mpi-operator has (Apache License 2.0), and those of a pod that the
// example uses. A field that is not here is an error.
type mpiJob struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		SlotsPerWorker    int    `yaml:"slotsPerWorker"`
		MPIImplementation string `yaml:"mpiImplementation"`
		SSHAuthMountPath  string `yaml:"sshAuthMountPath"`
		RunPolicy         struct {
			CleanPodPolicy          string `yaml:"cleanPodPolicy"`
			TTLSecondsAfterFinished int    `yaml:"ttlSecondsAfterFinished"`
			ActiveDeadlineSeconds   int    `yaml:"activeDeadlineSeconds"`
			BackoffLimit            int    `yaml:"backoffLimit"`
			Suspend                 bool
		} `yaml:"runPolicy"`
		Replicas struct {
			Launcher, Worker struct {
				Replicas      int
				RestartPolicy string `yaml:"restartPolicy"`
				Template      struct {
					Spec struct {
						Containers []struct {
							Name, Image   string
							Command, Args []string
							Resources     struct{ Limits map[string]string }
							VolumeMounts  []struct {
								Name      string
								MountPath string `yaml:"mountPath"`
							} `yaml:"volumeMounts"`
						}
						Volumes []struct {
							Name  string
							Claim struct {
								Name string `yaml:"claimName"`
							} `yaml:"persistentVolumeClaim"`
						}
					}
				}
			}
		} `yaml:"mpiReplicaSpecs"`
	}
}

// upper are the fields whose names are upper case in the file.
var upper = strings.NewReplacer("\n    Launcher:", "\n    launcher:", "\n    Worker:", "\n    worker:")

// TestMPIJob: the example is an MPIJob, and its command one that charlm-mpi takes.
func TestMPIJob(t *testing.T) {
	b, err := os.ReadFile("jobs/charlm-mpijob.yaml")
	require.NoError(t, err)
	d := yaml.NewDecoder(strings.NewReader(upper.Replace(string(b))))
	d.KnownFields(true)
	var job mpiJob
	require.NoError(t, d.Decode(&job))
	require.Equal(t, "kubeflow.org/v2beta1", job.APIVersion)
	require.Equal(t, "MPIJob", job.Kind)
	require.NotEmpty(t, job.Metadata.Name)
	s := job.Spec
	require.Contains(t, []string{"OpenMPI", "Intel"}, s.MPIImplementation)
	require.Contains(t, []string{"All", "Running", "None"}, s.RunPolicy.CleanPodPolicy)
	require.Positive(t, s.RunPolicy.BackoffLimit)
	require.Positive(t, s.RunPolicy.ActiveDeadlineSeconds, "mpirun may not end by itself")
	require.Equal(t, 1, s.Replicas.Launcher.Replicas)
	require.Contains(t, []string{"OnFailure", "Never"}, s.Replicas.Launcher.RestartPolicy)
	script := s.Replicas.Launcher.Template.Spec.Containers[0].Args[0]
	checkShell(t, script)
	m := regexp.MustCompile(`mpirun -n (\d+)`).FindStringSubmatch(script)
	require.NotNil(t, m)
	require.EqualValues(t, yamlInt(t, m[1]), s.Replicas.Worker.Replicas*s.SlotsPerWorker, "ranks are workers times slots")
	checkFlags(t, script)
	for _, spec := range []any{s.Replicas.Launcher.Template.Spec, s.Replicas.Worker.Template.Spec} {
		require.Regexp(t, "charlm", spec)
	}
	for _, c := range s.Replicas.Worker.Template.Spec.Containers {
		require.NotEmpty(t, c.Image)
		require.Equal(t, s.Replicas.Worker.Template.Spec.Volumes[0].Name, c.VolumeMounts[0].Name)
		require.Contains(t, script, c.VolumeMounts[0].MountPath)
	}

	// The check bites.
	d = yaml.NewDecoder(bytes.NewReader([]byte("spec:\n  slotPerWorker: 1\n")))
	d.KnownFields(true)
	require.Error(t, d.Decode(&job))
}

func yamlInt(t *testing.T, s string) (n int) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(s), &n))
	return n
}

// TestSlurm: the example is a script whose options sbatch has, and its command one that
// charlm-mpi takes.
func TestSlurm(t *testing.T) {
	b, err := os.ReadFile("jobs/charlm.slurm")
	require.NoError(t, err)
	script := string(b)
	require.True(t, strings.HasPrefix(script, "#!/bin/bash\n"))
	checkShell(t, script)
	checkFlags(t, script)
	// Of sbatch(1), Slurm 23.02: what it takes, and what a value looks like.
	known := map[string]string{
		"job-name": `\w+`, "nodes": `\d+`, "ntasks-per-node": `\d+`, "cpus-per-task": `\d+`, "time": `\d+:\d\d:\d\d`,
		"requeue": ``, "signal": `[A-Z]+@\d+`, "output": `\S+`, "open-mode": `append|truncate`,
	}
	options := regexp.MustCompile(`(?m)^#SBATCH (.*)$`).FindAllStringSubmatch(script, -1)
	require.Greater(t, len(options), 5)
	for _, o := range options {
		name, value, _ := strings.Cut(strings.TrimPrefix(o[1], "--"), "=")
		want, ok := known[name]
		require.True(t, ok, "sbatch has no option %s", name)
		require.Regexp(t, "^("+want+")$", value, name)
	}
	// Directives come before the first command.
	_, after, _ := strings.Cut(script, "\nset ")
	require.NotContains(t, after, "#SBATCH")
}

// checkShell lets the shell parse a script.
func checkShell(t *testing.T, script string) {
	t.Helper()
	c := exec.Command("sh", "-n")
	if strings.HasPrefix(script, "#!/bin/bash") {
		c = exec.Command("bash", "-n")
	}
	c.Stdin = strings.NewReader(script)
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
}

// checkFlags: charlm-mpi has the flags that a script gives it.
func checkFlags(t *testing.T, script string) {
	t.Helper()
	source, err := os.ReadFile("charlm-mpi/main.go")
	require.NoError(t, err)
	_, command, ok := strings.Cut(script, "charlm-mpi -text")
	require.True(t, ok)
	flags := regexp.MustCompile(`\s-([a-z]+)\b`).FindAllStringSubmatch(" -text"+command, -1)
	require.Greater(t, len(flags), 4)
	for _, f := range flags {
		require.Contains(t, string(source), `, "`+f[1]+`", `, "charlm-mpi has no flag -%s", f[1])
	}
	require.Contains(t, script, "last.ckpt")
	require.Contains(t, script, "-resume")
}
