// The module from which crds/istio/istiod.json is made.
module meshwright.io/e2e/real-istio

go 1.26.0

require istio.io/api v1.32.0
