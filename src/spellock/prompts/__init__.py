"""Key prompt design: which spell to cast, proposed and scored on the owner's own images (ModelLock, stage 1)."""
