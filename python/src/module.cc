// The private native module assay._core.
#include "bindings.h"

NB_MODULE(_core, m) {
  namespace python = assay::python;
  m.doc() = "The native part of assay. Private: use the names of the package assay.";
  m.attr("version") = ASSAY_VERSION;
  python::bind_base(m);
  python::bind_curve(m);
  python::bind_commit(m);
  python::bind_tensor(m);
  python::bind_claim(m);
}
