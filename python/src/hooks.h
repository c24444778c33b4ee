// What hooks of modules tell, without Python code in between: a hook that is written in Python costs more
// than copying what it tells of.
#pragma once

#include "bindings.h"

namespace assay::python {

/// Is told the tensor that a module is given, or that it returns. What it throws ends the call of the module.
class TensorTaker {
 public:
  TensorTaker() = default;
  virtual ~TensorTaker() = default;
  TensorTaker(const TensorTaker&) = delete;
  TensorTaker& operator=(const TensorTaker&) = delete;
  virtual void take(nb::handle tensor) = 0;
};

}  // namespace assay::python
