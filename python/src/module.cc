// The private native module assay._core.
#include "bindings.h"

NB_MODULE(_core, m) {
  namespace python = assay::python;
  // What a program still holds at its end is no mistake to report.
  nb::set_leak_warnings(false);
  m.doc() = "The native part of assay. Private: use the names of the package assay.";
  m.attr("version") = ASSAY_VERSION;
  python::bind_base(m);
  python::bind_merkle(m);
  python::bind_curve(m);
  python::bind_setup(m);
  python::bind_schemes(m);
  python::bind_pst(m);
  python::bind_kzg(m);
  python::bind_tree(m);
  python::bind_tree_roots(m);
  python::bind_tensor(m);
  python::bind_comparison(m);
  python::bind_engine_states(m);
  python::bind_claim(m);
  python::bind_stream(m);
  python::bind_toploc(m);
  python::bind_weights(m);
  python::bind_audit_packet(m);
  python::bind_layers(m);
  python::bind_layers_spectra(m);
  python::bind_hooks(m);
  python::bind_audit(m);
  python::bind_audit_taps(m);
  python::bind_audit_verifier(m);
  python::bind_audit_measure(m);
  python::bind_probe(m);
}
