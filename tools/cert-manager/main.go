// What the lab runs of cert-manager: the controllers that make certificates with the issuers of CAs, and the rules of its webhook. cert-manager's own commands are in no Go
// module.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/klog/v2"

	acmeinstall "github.com/cert-manager/cert-manager/internal/apis/acme/install"
	"github.com/cert-manager/cert-manager/internal/apis/certmanager"
	cminstall "github.com/cert-manager/cert-manager/internal/apis/certmanager/install"
	"github.com/cert-manager/cert-manager/internal/apis/certmanager/validation"
	metainstall "github.com/cert-manager/cert-manager/internal/apis/meta/install"
	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	"github.com/cert-manager/cert-manager/pkg/logs"
)

const usage = `cert-manager run KUBECONFIG NAMESPACE  the controllers, with cert-manager's namespace, until they are told to end
cert-manager validate                  what the webhook refuses: a JSON list of objects in, for each a list of {field, detail} out`

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "run":
		run(os.Args[2], os.Args[3])
	case len(os.Args) == 2 && os.Args[1] == "validate":
		validate()
	default:
		log.Fatal(usage)
	}
}

// run does what cert-manager's command does with these controllers, but for the election of one of several.
func run(kubeconfig, namespace string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx = logs.NewContext(ctx, klog.Background())
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:         kubeconfig,
		KubernetesAPIQPS:   100,
		KubernetesAPIBurst: 100,
		IssuerOptions:      controller.IssuerOptions{ClusterResourceNamespace: namespace},
		// As the command has them by default.
		CertificateOptions: controller.CertificateOptions{
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
	})
	check(err)
	shared, err := factory.Build()
	check(err)
	var running sync.WaitGroup
	for _, construct := range controller.Known() {
		one, err := construct(factory)
		check(err)
		running.Go(func() { check(one.Run(2, ctx)) })
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	running.Wait()
}

type refusal struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// validate decodes as the webhook does, into the version that its rules are for, and applies them.
func validate() {
	scheme := runtime.NewScheme()
	cminstall.Install(scheme)
	acmeinstall.Install(scheme)
	metainstall.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme).UniversalDecoder()

	var objects []json.RawMessage
	check(json.NewDecoder(os.Stdin).Decode(&objects))
	answers := make([][]refusal, len(objects))
	for i, data := range objects {
		answers[i] = []refusal{}
		object, _, err := decoder.Decode(data, nil, nil)
		if err != nil {
			answers[i] = append(answers[i], refusal{"", err.Error()})
			continue
		}
		for _, wrong := range rules(object) {
			answers[i] = append(answers[i], refusal{wrong.Field, wrong.ErrorBody()})
		}
	}
	check(json.NewEncoder(os.Stdout).Encode(answers))
}

func rules(object runtime.Object) field.ErrorList {
	var found field.ErrorList
	switch object.(type) {
	case *certmanager.Certificate:
		found, _ = validation.ValidateCertificate(nil, object)
	case *certmanager.Issuer:
		found, _ = validation.ValidateIssuer(nil, object)
	case *certmanager.ClusterIssuer:
		found, _ = validation.ValidateClusterIssuer(nil, object)
	}
	return found
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
