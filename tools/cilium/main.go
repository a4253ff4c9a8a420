// What Cilium's agent itself makes of policies: its parser, its repository of policies, and the rules that it hands to Envoy.
package main

import (
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"sync"

	envoy "github.com/cilium/proxy/go/cilium/api"

	"github.com/cilium/cilium/pkg/crypto/certificatemanager"
	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	envoypolicy "github.com/cilium/cilium/pkg/envoy/policy"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	ipcachetypes "github.com/cilium/cilium/pkg/ipcache/types"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/policy/utils"
	"github.com/cilium/cilium/pkg/spanstat"
	"github.com/cilium/cilium/pkg/u8proto"
)

const usage = `judge  decides calls by policies: a JSON list of {policies, packets} in, for each a list of verdicts out, one a packet,
       or a text that says why Cilium refuses the policies

A packet is {from: {labels} | {reserved, address}, to: {namespace, labels}, port, protocol, http: {method, path}}.
A verdict is "denied", "allowed" or "allowed once authenticated".`

type question struct {
	Policies []v2.CiliumNetworkPolicy `json:"policies"`
	Packets  []packet                 `json:"packets"`
}

type packet struct {
	From struct {
		Labels   map[string]string `json:"labels"`
		Reserved []string          `json:"reserved"`
		Address  string            `json:"address"`
	} `json:"from"`
	To struct {
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"to"`
	Port     uint16   `json:"port"`
	Protocol string   `json:"protocol"`
	HTTP     *request `json:"http"`
}

type request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

func main() {
	if len(os.Args) != 1 {
		log.Fatal(usage)
	}
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		log.Fatal(err)
	}
	answers := make([]any, len(questions))
	for i, question := range questions {
		verdicts, err := judge(question)
		if answers[i] = verdicts; err != nil {
			answers[i] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}

func judge(question question) ([]string, error) {
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	translator := envoypolicy.NewEnvoyL7RulesTranslator(logger, certificatemanager.NewMockSecretManagerInline())
	manager := identitymanager.NewIDManager(logger)
	repository := policy.NewPolicyRepository(logger, nil, nil, translator, manager, noMetrics{})
	known := identities{repository: repository, manager: manager, byName: map[string]*identity.Identity{}}
	// Before the policies: what selects an identity is told at once only of those that are there.
	for _, packet := range question.Packets {
		if _, err := known.peer(packet); err != nil {
			return nil, err
		}
		known.target(packet)
	}
	// As the agent's watcher of policies does it.
	for _, object := range question.Policies {
		rules, err := object.Parse(logger, "")
		if err != nil {
			return nil, err
		}
		id := ipcachetypes.NewResourceID(ipcachetypes.ResourceKindCNP, object.Namespace, object.Name)
		repository.ReplaceByResource(utils.RulesToPolicyEntries(rules), id)
	}
	verdicts := make([]string, len(question.Packets))
	for i, packet := range question.Packets {
		verdict, err := known.verdict(logger, packet)
		if err != nil {
			return nil, err
		}
		verdicts[i] = verdict
	}
	return verdicts, nil
}

func (known *identities) verdict(logger *slog.Logger, packet packet) (string, error) {
	from, err := known.peer(packet)
	if err != nil {
		return "", err
	}
	to := known.target(packet)
	protocol := u8proto.TCP
	if packet.Protocol != "" {
		if protocol, err = u8proto.ParseProtocol(packet.Protocol); err != nil {
			return "", err
		}
	}

	selected, _, err := known.repository.GetSelectorPolicy(to, 0, &statistics{}, uint64(to.ID))
	if err != nil {
		return "", err
	}
	// Where the agent would send connections to its proxy: without a port for it there would be no entry.
	redirects := map[string]uint16{}
	for filter := range selected.RedirectFilters() {
		redirects[policy.ProxyID(uint16(to.ID), filter.Ingress, string(filter.Protocol), filter.Port, "")] = 10000
	}
	distilled := selected.DistillPolicy(logger, endpoint(to.ID), redirects)
	defer distilled.Detach(logger)
	defer distilled.Ready()
	entry, _, found := distilled.Lookup(policy.IngressKey().WithIdentity(from.ID).WithPortProto(protocol, packet.Port))
	if !found || entry.IsDeny() {
		return "denied", nil
	}
	if entry.IsRedirectEntry() && packet.HTTP != nil && !passes(distilled, from.ID, packet) {
		return "denied", nil
	}
	if entry.AuthRequirement.AuthType() != types.AuthTypeDisabled {
		return "allowed once authenticated", nil
	}
	return "allowed", nil
}

// passes tells whether Envoy would let a request through: any of the rules for the caller does, as the agent translates them.
func passes(distilled *policy.EndpointPolicy, from identity.NumericIdentity, packet packet) bool {
	passes := false
	for _, byPort := range distilled.SelectorPolicy.L4Policy.Ingress.PortRules {
		byPort.ForEach(func(filter *policy.L4Filter) bool {
			if filter.U8Proto != u8proto.TCP || (filter.Port != 0 && filter.Port != packet.Port) {
				return true
			}
			for selector, rules := range filter.PerSelectorPolicies {
				if selector.Selects(from) && (rules == nil || len(rules.HTTP) == 0 || slices.ContainsFunc(translated(rules), packet.HTTP.matches)) {
					passes = true
				}
			}
			return true
		})
	}
	return passes
}

func translated(rules *policy.PerSelectorPolicy) []*envoy.HttpNetworkPolicyRule {
	translator := envoypolicy.NewEnvoyL7RulesTranslator(slog.Default(), certificatemanager.NewMockSecretManagerInline())
	translated, _ := translator.GetEnvoyHTTPRules(&rules.L7Rules, "")
	return translated.GetHttpRules()
}

// matches tells whether Envoy's RE2 matches each header as a whole: Go's expressions are RE2's.
func (request *request) matches(rule *envoy.HttpNetworkPolicyRule) bool {
	headers := map[string]string{":method": request.Method, ":path": request.Path}
	for _, header := range rule.GetHeaders() {
		expression := header.GetStringMatch().GetSafeRegex().GetRegex()
		if !regexp.MustCompile("^(?s:" + expression + ")$").MatchString(headers[header.GetName()]) {
			return false
		}
	}
	return true
}

// identities are those that Cilium would have given to pods, nodes and addresses.
type identities struct {
	repository *policy.Repository
	manager    identitymanager.IDManager
	byName     map[string]*identity.Identity
}

func (known *identities) peer(packet packet) (*identity.Identity, error) {
	if packet.From.Reserved == nil {
		return known.identity(podLabels(packet.From.Labels), 0), nil
	}
	all := labels.Labels{}
	for _, name := range packet.From.Reserved {
		all[name] = labels.NewLabel(name, "", labels.LabelSourceReserved)
	}
	if packet.From.Address != "" && slices.Contains(packet.From.Reserved, labels.IDNameWorld) {
		address, err := netip.ParseAddr(packet.From.Address)
		if err != nil {
			return nil, err
		}
		all.MergeLabels(labels.GetCIDRLabels(netip.PrefixFrom(address, address.BitLen())))
	}
	return known.identity(all, identity.IdentityScopeLocal), nil
}

func (known *identities) target(packet packet) *identity.Identity {
	all := podLabels(packet.To.Labels)
	namespace := labels.NewLabel("io.kubernetes.pod.namespace", packet.To.Namespace, labels.LabelSourceK8s)
	all[namespace.Key] = namespace
	return known.identity(all, 0)
}

func (known *identities) identity(all labels.Labels, scope identity.NumericIdentity) *identity.Identity {
	name := all.String()
	if found, ok := known.byName[name]; ok {
		return found
	}
	made := identity.NewIdentity(scope+identity.NumericIdentity(1000+len(known.byName)), all)
	known.byName[name] = made
	added := identity.IdentityMap{made.ID: made.LabelArray}
	for _, cache := range []*policy.SelectorCache{known.repository.GetSelectorCache(), known.repository.GetSubjectSelectorCache()} {
		var notified sync.WaitGroup
		cache.UpdateIdentities(added, nil, &notified)
		notified.Wait()
	}
	known.manager.Add(made)
	return made
}

func podLabels(values map[string]string) labels.Labels {
	all := labels.Labels{}
	for key, value := range values {
		all[key] = labels.NewLabel(key, value, labels.LabelSourceK8s)
	}
	return all
}

// endpoint is the pod that is called.
type endpoint uint64

var _ policy.PolicyOwner = endpoint(0)

func (pod endpoint) GetID() uint64                                     { return uint64(pod) }
func (pod endpoint) GetNamedPort(bool, string, u8proto.U8proto) uint16 { return 0 }
func (pod endpoint) PolicyDebug(string, ...any)                        {}
func (pod endpoint) IsHost() bool                                      { return false }
func (pod endpoint) PreviousMapState() *policy.MapState                { return nil }
func (pod endpoint) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool {
	done := make(chan bool)
	close(done)
	return done
}

type statistics struct{ waiting, calculating spanstat.SpanStat }

func (s *statistics) WaitingForPolicyRepository() *spanstat.SpanStat { return &s.waiting }
func (s *statistics) SelectorPolicyCalculation() *spanstat.SpanStat  { return &s.calculating }

type noMetrics struct{}

func (noMetrics) AddRule(types.PolicyEntry) {}
func (noMetrics) DelRule(types.PolicyEntry) {}
