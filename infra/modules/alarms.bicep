// What watches the sweep from outside, by e-mail, so that Teams is not the only way. docs/operate.md has a runbook each.

@description('Region.')
param location string

@description('Region of the Sentinel workspace.')
param sentinelLocation string

@description('Tags.')
param tags object

@description('E-mail addresses.')
param emails array

@description('Hours without a sweep that ended clean or flagged. 0: no alarm about absence.')
@minValue(0)
@maxValue(47)
param absenceHours int

@description('Make the alarm that reads the Sentinel workspace: whoever makes it must be able to read that.')
param watchSentinel bool

@description('Whether there are many workspaces: then the queries tell them apart by name.')
param isMany bool

@description('Minutes after which a round is over.')
param deadlineMinutes int

@description('name and customerId of each further workspace whose incidents are watched.')
param watched array

@description('The workspace with the app\'s receipts.')
param logWorkspaceId string

@description('The workspace with the incidents.')
param sentinelWorkspaceResourceId string

// Without an absence alarm dry runs are looked for as far back as an alarm may.
var dryRunHours = absenceHours == 0 ? 47 : absenceHours
var absence = loadTextContent('../queries/alarm-absence.kql')
var trouble = loadTextContent('../queries/alarm-trouble.kql')
var dryRuns = loadTextContent('../queries/alarm-dry-runs.kql')
var unattended = loadTextContent('../queries/alarm-unattended.kql')
var manyAbsence = loadTextContent('../queries/alarm-many-absence.kql')
var manyNoGoodEnd = loadTextContent('../queries/alarm-many-no-good-end.kql')
var manyTrouble = loadTextContent('../queries/alarm-many-trouble.kql')
var manyDryRuns = loadTextContent('../queries/alarm-many-dry-runs.kql')
var manyUnattended = loadTextContent('../queries/alarm-many-unattended.kql')
var byName = [
  'workspace_name'
]
// The first half hour after the deadline is for the last receipts to arrive.
var noGoodEnd = replace(replace(manyNoGoodEnd, '{since}', string(deadlineMinutes + 30)), '{until}', string(deadlineMinutes + 120))
var tables = [for workspace in watched: '(workspace(\'${workspace.customerId}\').SecurityIncident | extend workspace_name = \'${workspace.name}\')']

resource onCall 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-sweep'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'mail sweep'
    enabled: true
    emailReceivers: [for (address, index) in emails: {
      name: 'on-call-${index}'
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

module absenceAlarm 'alarm.bicep' = if (absenceHours > 0) {
  name: 'alarm-absence'
  params: {
    name: 'sweep-absence'
    location: location
    tags: tags
    title: isMany ? 'Email remediation sweep: no round has begun' : 'Email remediation sweep: no sweep has ended well'
    whatToDo: isMany ? 'No round over the workspaces has begun for ${absenceHours} hours: nobody is watching. See docs/operate.md, "No round".' : 'No sweep has ended clean or flagged for ${absenceHours} hours: nobody is watching. See docs/operate.md, "Absence".'
    severity: 1
    workspaceId: logWorkspaceId
    query: replace(isMany ? manyAbsence : absence, '{hours}', string(absenceHours))
    measure: isMany ? 'Began' : 'Ended'
    operator: 'LessThan'
    threshold: 1
    actionGroupId: onCall.id
  }
}

module noGoodEndAlarm 'alarm.bicep' = if (isMany) {
  name: 'alarm-no-good-end'
  params: {
    name: 'sweep-no-good-end'
    location: location
    tags: tags
    title: 'Email remediation sweep: a workspace has had no sweep that ended well'
    whatToDo: 'A round is over, and this workspace has had no sweep since it began that ended clean or flagged. See docs/operate.md, "No good end".'
    severity: 1
    workspaceId: logWorkspaceId
    query: noGoodEnd
    dimensions: byName
    mute: ''
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module troubleAlarm 'alarm.bicep' = {
  name: 'alarm-trouble'
  params: {
    name: 'sweep-trouble'
    location: location
    tags: tags
    title: 'Email remediation sweep: a sweep went wrong'
    whatToDo: 'A sweep failed, could not trust its data, left findings due, or has invalid settings. See docs/operate.md, "Trouble".'
    severity: 2
    workspaceId: logWorkspaceId
    query: isMany ? manyTrouble : trouble
    dimensions: concat(isMany ? byName : [], [
      'Trouble'
    ])
    mute: isMany ? '' : 'P1D'
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module dryRunsAlarm 'alarm.bicep' = {
  name: 'alarm-dry-runs'
  params: {
    name: 'sweep-dry-runs'
    location: location
    tags: tags
    title: 'Email remediation sweep: dry-run mode is on'
    whatToDo: 'Dry runs are all there has been for ${dryRunHours} hours: nothing is raised. See docs/operate.md, "Only dry runs".'
    severity: 2
    workspaceId: logWorkspaceId
    query: replace(isMany ? manyDryRuns : dryRuns, '{hours}', string(dryRunHours))
    dimensions: isMany ? byName : []
    mute: isMany ? '' : 'P1D'
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module unattendedAlarm 'alarm.bicep' = if (watchSentinel) {
  name: 'alarm-unattended'
  params: {
    name: 'sweep-unattended'
    location: sentinelLocation
    tags: tags
    title: 'Email remediation sweep: a High incident is unattended'
    whatToDo: 'A High incident of the sweep has stayed New and unowned for a day. See docs/operate.md, "Unattended".'
    severity: 1
    workspaceId: sentinelWorkspaceResourceId
    query: unattended
    // The table appears with the workspace's first incident, which this app may be the one to raise.
    tableMayBeMissing: true
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

// A rule's workspace cannot be changed later, so the other workspaces have a rule of their own, over all of them.
module entriesUnattendedAlarm 'alarm.bicep' = if (!empty(watched)) {
  name: 'alarm-unattended-entries'
  params: {
    name: 'sweep-unattended-entries'
    location: location
    tags: tags
    title: 'Email remediation sweep: a High incident is unattended'
    whatToDo: 'A High incident of the sweep in this workspace has stayed New and unowned for a day. See docs/operate.md, "Unattended".'
    severity: 1
    workspaceId: logWorkspaceId
    query: replace(manyUnattended, '{workspaces}', join(tables, ', '))
    tableMayBeMissing: true
    dimensions: byName
    mute: ''
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}
