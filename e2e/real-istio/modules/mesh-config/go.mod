// The module root. Go reads the files named after a release instead (-modfile).
module meshwright.io/e2e/real-istio/mesh-config

go 1.26.0
