/** Manifests for tests of injection: every kind that holds a pod, written as people write them. */

/** One document per kind, with comments, quotes, flow and block style, and lists at both indentations. */
export const workloads: Readonly<Record<string, string>> = {
	Deployment: `# The shop's face
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web        # what people see
  labels: {app: web}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels:
        app: "web"
        version: 'v1'
    spec:
      # the application
      containers:
        - name: app
          image: example.com/web:1   # pinned
          ports: [{name: http, containerPort: 8080}]

          env:
            # for the logs
            - {name: LEVEL, value: "info"}
      # nothing after this
  strategy:
    type: RollingUpdate
`,
	StatefulSet: `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
  namespace: default
spec:
  serviceName: db
  selector: &selector
    matchLabels: &labels
      app: db
  template:
    metadata:
      labels: *labels
      annotations:
        example.com/note: >-
          a long
          note
    spec:
      serviceAccountName: db
      volumes:
      - name: data
        emptyDir: {}
      containers:
      - name: db
        image: db
        volumeMounts:
        - name: data
          mountPath: /data
        command:
        - sh
        - -c
        - |
          echo one

          echo two
`,
	DaemonSet: `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      initContainers: [{name: first, image: first}]
      containers: [{name: agent, image: agent}]
`,
	ReplicaSet: `kind: ReplicaSet
apiVersion: apps/v1
spec:
  template:
    spec:
      imagePullSecrets:
      - name: regcred
      containers:
      - image: old
        name: old
    metadata:
      labels:
        app: old
  selector:
    matchLabels:
      app: old
metadata:
  name: old
`,
	ReplicationController: `apiVersion: v1
kind: ReplicationController
metadata:
  name: ancient
spec:
  selector:
    app: ancient
  template:
    metadata:
      labels:
        app: ancient
    spec:
      containers:
      - name: app
        image: ancient
`,
	Job: `apiVersion: batch/v1
kind: Job
metadata:
  name: once
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: job
        image: job
`,
	CronJob: `apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: job
            image: job
          restartPolicy: OnFailure
`,
	Pod: `apiVersion: v1
kind: Pod
metadata:
  name: alone
spec:
  containers:
  - name: app
    image: app
    readinessProbe: {httpGet: {path: /ready, port: 8080}}
`,
	PodTemplate: `apiVersion: v1
kind: PodTemplate
metadata:
  name: mould
template:
  metadata:
    labels:
      app: mould
  spec:
    containers:
    - name: app
      image: app
`,
};

/** Objects without a pod, in a form that no printer would produce. */
export const others = `apiVersion:   v1
kind: Service
metadata: { name:   web }   # odd spaces
spec:
    ports:
    -   port: 80
        targetPort:    8080
---
# only a comment
---
apiVersion: example.com/v1
kind: Deployment
metadata:
  name: not-one-of-kubernetes
spec: {template: {spec: {containers: []}}}
`;
