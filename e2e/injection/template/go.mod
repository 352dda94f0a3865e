// Runs templates as Istio's sidecar injectors run theirs, for the tests in the folder above. The standard library suffices.
module meshwright.io/e2e/injection/template

go 1.23
